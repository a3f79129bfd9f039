package flags_test

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"v.io/x/ref/lib/flags"
)

func parse(args ...string) (*flags.Flags, error) {
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	f := flags.Register(fs)
	return f, fs.Parse(args)
}

func TestDefaults(t *testing.T) {
	t.Setenv("V23_CREDENTIALS", "/from/environment")
	t.Setenv("V23_NAMESPACE", "/one:1")
	t.Setenv("V23_NAMESPACE_2", " /two:2 ")
	f, err := parse()
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Credentials(); got != "/from/environment" {
		t.Errorf("credentials %q", got)
	}
	if got := f.NamespaceRoots(); !slices.Equal(got, []string{"/one:1", "/two:2"}) {
		t.Errorf("roots %q", got)
	}
	if got := f.ListenSpec().Addrs; len(got) != 1 || got[0].Protocol != "tcp" || got[0].Address != ":0" {
		t.Errorf("addresses %v", got)
	}
	if f.PermissionsSpec().ExplicitlySpecified {
		t.Error("permissions count as given")
	}
}

func TestCommandLinePrevails(t *testing.T) {
	t.Setenv("V23_CREDENTIALS", "/from/environment")
	t.Setenv("V23_NAMESPACE", "/one:1")
	f, err := parse("-v23.credentials=/c", "-v23.namespace.root=/a:1", "-v23.namespace.root=/b:2",
		"-v23.tcp.protocol=tcp4", "-v23.tcp.address=127.0.0.1:1", "-v23.tcp.address=127.0.0.1:2", "-v23.proxy=p",
		"-v23.permissions.file=runtime:/p", "-v23.permissions.literal={}")
	if err != nil {
		t.Fatal(err)
	}
	if f.Credentials() != "/c" || !slices.Equal(f.NamespaceRoots(), []string{"/a:1", "/b:2"}) {
		t.Errorf("credentials %q, roots %q", f.Credentials(), f.NamespaceRoots())
	}
	spec := f.ListenSpec()
	if len(spec.Addrs) != 2 || spec.Addrs[1].Protocol != "tcp4" || spec.Addrs[1].Address != "127.0.0.1:2" ||
		spec.Proxy != "p" {
		t.Errorf("listen spec %v", spec)
	}
	perms := f.PermissionsSpec()
	if !perms.ExplicitlySpecified || perms.Files["runtime"] != "/p" || perms.Literal != "{}" {
		t.Errorf("permissions %+v", perms)
	}
}

func TestBadValues(t *testing.T) {
	for _, arg := range []string{"-v23.permissions.file=nofile", "-v23.permissions.file=:x", "-v23.namespace.root="} {
		if _, err := parse(arg); err == nil {
			t.Errorf("%v is taken", arg)
		}
	}
	f, err := parse("-v23.tcp.address=nowhere")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Validate(); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("an address without a port: %v", err)
	}
}

func ExampleRegister() {
	fs := flag.NewFlagSet("program", flag.ContinueOnError)
	f := flags.Register(fs)
	if err := fs.Parse([]string{"-v23.tcp.address=127.0.0.1:8100"}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.ListenSpec().Addrs)
	// Output: ("tcp", "127.0.0.1:8100")
}
