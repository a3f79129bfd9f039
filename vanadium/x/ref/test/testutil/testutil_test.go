package testutil_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/verror"
	_ "v.io/x/ref/runtime/factories/generic"
	"v.io/x/ref/test"
	"v.io/x/ref/test/testutil"
)

func TestNewPrincipal(t *testing.T) {
	principal := testutil.NewPrincipal("a", "b")
	if got := security.DefaultBlessingNames(principal); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("names %v", got)
	}
	if got := security.DefaultBlessingNames(testutil.NewPrincipal()); got != nil {
		t.Errorf("names %v of a principal without any", got)
	}
}

func TestIDProvider(t *testing.T) {
	idp := testutil.NewIDProvider("root")
	alice, bob := testutil.NewPrincipal(), testutil.NewPrincipal()
	if err := errors.Join(idp.Bless(alice, "alice"), idp.Bless(bob, "bob")); err != nil {
		t.Fatal(err)
	}
	blessings, _ := alice.BlessingStore().Default()
	call := &security.CallParams{LocalPrincipal: bob, RemoteBlessings: blessings}
	names, rejected := security.RemoteBlessingNames(nil, security.NewCall(call))
	if !slices.Equal(names, []string{"root:alice"}) {
		t.Errorf("names %v, rejected %v", names, rejected)
	}
	if key := security.RootBlessings(blessings)[0].PublicKey(); !security.CryptoPublicKeyEqual(key, idp.PublicKey()) {
		t.Errorf("the root has key %v, want %v", key, idp.PublicKey())
	}
	if err := idp.Bless(alice, "a:"); err == nil {
		t.Error("blessed with a malformed extension")
	}
}

func TestRetryFor(t *testing.T) {
	calls := 0
	err := testutil.RetryFor(time.Minute, func() error {
		if calls++; calls < 3 {
			return testutil.TryAgain(nil)
		}
		return nil
	})
	if err != nil || calls != 3 {
		t.Errorf("after %d calls: %v", calls, err)
	}
	fatal := errors.New("fatal")
	if err := testutil.RetryFor(time.Minute, func() error { return fatal }); !errors.Is(err, fatal) {
		t.Errorf("error %v, want %v", err, fatal)
	}
	if err := testutil.RetryFor(0, func() error { return testutil.TryAgain(fatal) }); !errors.Is(err, fatal) {
		t.Errorf("error %v, want %v", err, fatal)
	}
}

func TestRandomIsReproducible(t *testing.T) {
	var seed string
	testutil.InitRandGenerator(func(format string, args ...any) {
		_, seed, _ = strings.Cut(fmt.Sprintf(format, args...), "=")
	})
	draw := func() (int, int, int64, []byte) {
		return testutil.RandomInt(), testutil.RandomIntn(10), testutil.RandomInt63(), testutil.RandomBytes(13)
	}
	a, b, c, d := draw()
	t.Setenv("V23_RNG_SEED", seed)
	testutil.InitRandGenerator(t.Logf)
	a2, b2, c2, d2 := draw()
	if a != a2 || b != b2 || c != c2 || !bytes.Equal(d, d2) || len(d) != 13 || b < 0 || b > 9 {
		t.Errorf("drew %d %d %d %x, then %d %d %d %x", a, b, c, d, a2, b2, c2, d2)
	}
}

// scriptedServer goes through states, one per change.
type scriptedServer struct {
	rpc.Server
	states []rpc.ServerStatus
	closed chan struct{}
}

func (s *scriptedServer) Status() rpc.ServerStatus {
	status := s.states[0]
	if len(s.states) > 1 {
		s.states = s.states[1:]
		dirty := make(chan struct{})
		close(dirty)
		status.Dirty = dirty
	}
	return status
}

func (s *scriptedServer) Closed() <-chan struct{} { return s.closed }

func TestWaitForServer(t *testing.T) {
	mounting := []rpc.PublisherEntry{{LastState: rpc.PublisherMounting, DesiredState: rpc.PublisherMounted}}
	failed := []rpc.PublisherEntry{{
		LastState: rpc.PublisherMounted, DesiredState: rpc.PublisherMounted, LastMountErr: errors.New("no mount table"),
	}}
	mounted := []rpc.PublisherEntry{{LastState: rpc.PublisherMounted, DesiredState: rpc.PublisherMounted}}
	states := []rpc.ServerStatus{
		{State: rpc.ServerInitializing},
		{State: rpc.ServerReady, PublisherStatus: mounting},
		{State: rpc.ServerReady, PublisherStatus: failed},
		{State: rpc.ServerReady, PublisherStatus: mounted},
	}
	if got := testutil.WaitForServerReady(&scriptedServer{states: states}); got.State != rpc.ServerReady {
		t.Errorf("state %v", got.State)
	}
	got := testutil.WaitForServerPublished(&scriptedServer{states: states})
	if len(got.PublisherStatus) != 1 || got.PublisherStatus[0].LastMountErr != nil {
		t.Errorf("status %v", got.PublisherStatus)
	}
	closed := make(chan struct{})
	close(closed)
	got = testutil.WaitForServerPublished(&scriptedServer{states: states[:1], closed: closed})
	if got.State != rpc.ServerInitializing {
		t.Errorf("state %v of a server that is closed", got.State)
	}
}

func TestLeafDispatcher(t *testing.T) {
	dispatcher := testutil.LeafDispatcher("object", security.AllowEveryone())
	if object, authorizer, err := dispatcher.Lookup(nil, ""); object != "object" || authorizer == nil || err != nil {
		t.Errorf("object %v, %v", object, err)
	}
	if _, _, err := dispatcher.Lookup(nil, "x"); !errors.Is(err, verror.ErrUnknownSuffix) {
		t.Errorf("suffix: %v", err)
	}
}

// twins is a dispatcher of an object with the children a and b.
type twins struct{}

func (twins) Lookup(_ *context.T, suffix string) (any, security.Authorizer, error) {
	if suffix == "" {
		return rpc.ChildrenGlobberInvoker("b", "a"), security.AllowEveryone(), nil
	}
	return rpc.ChildrenGlobberInvoker(), security.AllowEveryone(), nil
}

func TestGlobName(t *testing.T) {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	ctx, cancel := context.WithCancel(ctx)
	_, server, err := v23.WithNewDispatchingServer(ctx, "", twins{}, options.LameDuckTimeout(0))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); <-server.Closed() }()
	name := testutil.WaitForServerReady(server).Endpoints[0].Name()
	names, failures, err := testutil.GlobName(ctx, name, "*")
	if !slices.Equal(names, []string{"a", "b"}) || len(failures) != 0 || err != nil {
		t.Errorf("names %v, failures %v, error %v", names, failures, err)
	}
	if _, _, err := testutil.GlobName(ctx, name, "["); err == nil {
		t.Error("a malformed pattern was accepted")
	}
}

func ExampleIDProvider() {
	idp := testutil.NewIDProvider("root")
	alice := testutil.NewPrincipal()
	if err := idp.Bless(alice, "alice"); err != nil {
		panic(err)
	}
	fmt.Println(security.DefaultBlessingNames(alice))
	// Output: [root:alice]
}
