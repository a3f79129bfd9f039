package naming

import (
	"strings"

	"v.io/v23/verror"
)

// Names returns the name of the entry at each of its servers: rooted names, or the relative name if there are no
// servers.
func (e *MountEntry) Names() []string {
	if len(e.Servers) == 0 {
		return []string{e.Name}
	}
	names := make([]string, len(e.Servers))
	for i, server := range e.Servers {
		// A server may be given as a rooted name of several elements.
		names[i] = JoinAddressName(strings.TrimPrefix(server.Server, "/"), e.Name)
	}
	return names
}

// The errors of the name service.
var (
	// ErrNameExists is a name that is taken.
	ErrNameExists = verror.NewIDAction("v.io/v23/naming.nameExists", verror.NoRetry)
	// ErrNoSuchName is a name that the name service does not know.
	ErrNoSuchName = verror.NewIDAction("v.io/v23/naming.nameDoesntExist", verror.NoRetry)
	// ErrNoSuchNameRoot is a root of the namespace that is not known.
	ErrNoSuchNameRoot = verror.NewIDAction("v.io/v23/naming.rootNameDoesntExist", verror.NoRetry)
	// ErrResolutionDepthExceeded is a name that leads through too many mount tables, perhaps in a circle.
	ErrResolutionDepthExceeded = verror.NewIDAction("v.io/v23/naming.resolutionDepthExceeded", verror.NoRetry)
	// ErrNoMountTable is a namespace without roots.
	ErrNoMountTable = verror.NewIDAction("v.io/v23/naming.noMounttable", verror.NoRetry)
)
