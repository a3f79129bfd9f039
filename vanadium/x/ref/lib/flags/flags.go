// Package flags defines the command line flags of a Vanadium process, and the
// defaults they take from the environment.
//
//	-v23.credentials DIR        directory of the principal ($V23_CREDENTIALS)
//	-v23.namespace.root NAME    root of the namespace; may be repeated ($V23_NAMESPACE*)
//	-v23.tcp.protocol PROTO     protocol to listen with
//	-v23.tcp.address ADDR       address to listen on; may be repeated
//	-v23.proxy NAME             proxy to listen through; accepted, but not supported
//	-v23.permissions.file N:F   file with the permissions named N; may be repeated
//	-v23.permissions.literal P  permissions as JSON
//
// Flags on the command line prevail over the environment.
package flags

import (
	"flag"
	"fmt"
	"net"
	"strings"

	"v.io/v23/rpc"
	"v.io/v23/security/access"

	"v.io/x/ref"
)

// Defaults of the flags about listening.
const (
	DefaultProtocol = "tcp"
	DefaultAddress  = ":0"
)

// Flags holds the values of the flags after parsing.
type Flags struct {
	credentials string
	roots       list
	protocol    string
	addresses   list
	proxy       string
	files       files
	literal     string
}

// Register defines the flags on fs. It must be called before fs is parsed, and the
// methods of the result after.
func Register(fs *flag.FlagSet) *Flags {
	f := &Flags{}
	fs.StringVar(&f.credentials, "v23.credentials", "",
		"directory of the credentials of the process; by default $"+ref.EnvCredentials)
	fs.Var(&f.roots, "v23.namespace.root",
		"root of the namespace; may be repeated; by default those in $"+ref.EnvNamespacePrefix+"*")
	fs.StringVar(&f.protocol, "v23.tcp.protocol", DefaultProtocol, "protocol to listen with")
	fs.Var(&f.addresses, "v23.tcp.address", "address to listen on; may be repeated; by default "+DefaultAddress)
	fs.StringVar(&f.proxy, "v23.proxy", "", "name of the proxy to listen through")
	fs.Var(&f.files, "v23.permissions.file",
		"name:file, where the file holds permissions in JSON; may be repeated; the name of a server's own is runtime")
	fs.StringVar(&f.literal, "v23.permissions.literal", "", "permissions in JSON, in place of a file")
	return f
}

// Credentials is the directory of the principal; empty if none was given.
func (f *Flags) Credentials() string {
	if f.credentials != "" {
		return f.credentials
	}
	return ref.Getenv(ref.EnvCredentials)
}

// NamespaceRoots are the roots of the namespace; none if none were given.
func (f *Flags) NamespaceRoots() []string {
	if len(f.roots) > 0 {
		return f.roots
	}
	_, roots := ref.EnvNamespaceRoots()
	return roots
}

// ListenSpec says where servers listen by default.
func (f *Flags) ListenSpec() rpc.ListenSpec {
	addresses := []string(f.addresses)
	if len(addresses) == 0 {
		addresses = []string{DefaultAddress}
	}
	spec := rpc.ListenSpec{Proxy: f.proxy}
	for _, a := range addresses {
		spec.Addrs = append(spec.Addrs, struct{ Protocol, Address string }{f.protocol, a})
	}
	return spec
}

// Validate tells which flag has a value that cannot be used.
func (f *Flags) Validate() error {
	for _, a := range f.addresses {
		if _, _, err := net.SplitHostPort(a); err != nil {
			return fmt.Errorf("-v23.tcp.address=%v: %w", a, err)
		}
	}
	return nil
}

// PermissionsSpec says where permissions are read from.
func (f *Flags) PermissionsSpec() access.PermissionsSpec {
	return access.PermissionsSpec{
		ExplicitlySpecified: len(f.files) > 0 || f.literal != "",
		Files:               f.files.asMap(),
		Literal:             f.literal,
	}
}

// list is a flag that may be repeated.
type list []string

// String implements flag.Value.
func (l *list) String() string { return strings.Join(*l, ",") }

// Set implements flag.Value.
func (l *list) Set(v string) error {
	if v == "" {
		return fmt.Errorf("an empty value")
	}
	*l = append(*l, v)
	return nil
}

// files is a flag that may be repeated, each time with another name and a file.
type files []namedFile

type namedFile struct{ name, file string }

// String implements flag.Value.
func (f *files) String() string {
	parts := make([]string, len(*f))
	for i, n := range *f {
		parts[i] = n.name + ":" + n.file
	}
	return strings.Join(parts, ",")
}

// Set implements flag.Value.
func (f *files) Set(v string) error {
	name, file, ok := strings.Cut(v, ":")
	if !ok || name == "" || file == "" {
		return fmt.Errorf("%q is not of the form name:file", v)
	}
	*f = append(*f, namedFile{name, file})
	return nil
}

func (f files) asMap() map[string]string {
	m := make(map[string]string, len(f))
	for _, n := range f {
		m[n.name] = n.file
	}
	return m
}
