package rpc_test

import (
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/v23/verror"
	"v.io/v23/vom"
)

// TestStates checks the names of states and policies.
func TestStates(t *testing.T) {
	for want, state := range map[string]fmt.Stringer{
		"Initializing": rpc.ServerInitializing, "Ready": rpc.ServerReady, "Stopping": rpc.ServerStopping,
		"Stopped": rpc.ServerStopped, "ServerState(9)": rpc.ServerState(9),
		"Unmounted": rpc.PublisherUnmounted, "Mounting": rpc.PublisherMounting, "Mounted": rpc.PublisherMounted,
		"Unmounting": rpc.PublisherUnmounting, "PublisherState(9)": rpc.PublisherState(9),
		"UseRandomProxy": rpc.UseRandomProxy, "UseFirstProxy": rpc.UseFirstProxy, "UseAllProxies": rpc.UseAllProxies,
		"ProxyPolicy(9)": rpc.ProxyPolicy(9),
	} {
		if state.String() != want {
			t.Errorf("%s is called %s", want, state)
		}
	}
}

// TestPublisherEntries checks what is gathered from entries.
func TestPublisherEntries(t *testing.T) {
	entries := []rpc.PublisherEntry{{Name: "b", Server: "x"}, {Name: "a", Server: "x"}, {Name: "b", Server: "w"}}
	if got := rpc.PublisherNames(entries); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("names are %v", got)
	}
	if got := rpc.PublisherServers(entries); !slices.Equal(got, []string{"w", "x"}) {
		t.Errorf("servers are %v", got)
	}
	if text := entries[0].String(); !strings.Contains(text, "b at x: Unmounted") {
		t.Error(text)
	}
}

// TestListenSpec checks that copies share nothing, and how a specification is written.
func TestListenSpec(t *testing.T) {
	chosen := []net.Addr{&net.TCPAddr{Port: 1}}
	spec := rpc.ListenSpec{
		Addrs: rpc.ListenAddrs{{"tcp", "h:1"}},
		Proxy: "p",
		AddressChooser: rpc.AddressChooserFunc(func(string, []net.Addr) ([]net.Addr, error) {
			return chosen, nil
		}),
	}
	other := spec.Copy()
	other.Addrs[0].Address = "h:2"
	if spec.Addrs[0].Address != "h:1" {
		t.Error("a copy shares addresses")
	}
	if want := `("tcp", "h:1") proxy("p") with an address chooser`; spec.String() != want {
		t.Errorf("%s, want %s", spec, want)
	}
	if got, err := spec.ChooseAddresses("tcp", nil); err != nil || len(got) != 1 {
		t.Errorf("chosen are %v, %v", got, err)
	}
}

// TestWireBytes compares encoded requests, responses and entries, with their types, with those of another
// implementation.
func TestWireBytes(t *testing.T) {
	ctx := verror.WithComponentName(root(t), "goldbin")
	retry := verror.NewIDAction("v.io/x/ref/lib/raft/kv.Retry", verror.RetryBackoff)
	values := map[string]interface{}{
		"request-zero":   rpc.Request{},
		"request":        rpc.Request{Suffix: "s", Method: "M", NumPosArgs: 2},
		"response-zero":  rpc.Response{},
		"response-error": rpc.Response{Error: retry.Errorf(ctx, "r %d", int32(4)), EndStreamResults: true},
		"mountentry":     naming.MountEntry{Name: "n", Servers: []naming.MountedServer{{Server: "s"}}},
	}
	text, err := os.ReadFile(filepath.Join("testdata", "wire.txt"))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for line := range strings.Lines(string(text)) {
		name, want, _ := strings.Cut(strings.TrimSpace(line), " ")
		value, known := values[name]
		if !known {
			continue
		}
		compared++
		data, err := vom.Encode(value)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(data); got != want {
			t.Errorf("%s is encoded as\n%s, want\n%s", name, got, want)
		}
	}
	if compared != len(values) {
		t.Errorf("%d values were compared instead of %d", compared, len(values))
	}
}

// TestRequestTravels checks that all of a request and of a response arrives.
func TestRequestTravels(t *testing.T) {
	sent := rpc.Request{Suffix: "s", Method: "M", NumPosArgs: 2, EndStreamArgs: true, Language: "en"}
	sent.Deadline.Time = time.Now().Add(time.Hour)
	data, err := vom.Encode(sent)
	if err != nil {
		t.Fatal(err)
	}
	var got rpc.Request
	if err := vom.Decode(data, &got); err != nil {
		t.Fatal(err)
	}
	if left := time.Until(got.Deadline.Time); left < 59*time.Minute || left > time.Hour {
		t.Errorf("%v are left", left)
	}
	got.Deadline = sent.Deadline
	if fmt.Sprint(got) != fmt.Sprint(sent) {
		t.Errorf("the request arrives as %+v", got)
	}
	data, err = vom.Encode(rpc.Response{Error: verror.ErrNoAccess.Errorf(nil, "no"), NumPosResults: 3})
	if err != nil {
		t.Fatal(err)
	}
	var response rpc.Response
	if err := vom.Decode(data, &response); err != nil || verror.ErrorID(response.Error) != verror.ErrNoAccess.ID ||
		response.NumPosResults != 3 || response.EndStreamResults {
		t.Errorf("the response arrives as %+v, %v", response, err)
	}
}
