package naming

import (
	"v.io/v23/vdl"
	vdltime "v.io/v23/vdlroot/time"
)

// MountFlag is a bit mask of options of a mount.
type MountFlag uint32

// VDLReflect names the type.
func (MountFlag) VDLReflect(struct {
	Name string `vdl:"v.io/v23/naming.MountFlag"`
}) {
}

// Replace says that the mount replaces those that are there.
const Replace = MountFlag(1)

// MT says that the server is a mount table.
const MT = MountFlag(2)

// Leaf says that the server has no names below its own.
const Leaf = MountFlag(4)

// MountedServer is a server that is mounted on a name.
type MountedServer struct {
	// Server is a rooted name of the server, or its address.
	Server string
	// Deadline is when the mount expires.
	Deadline vdltime.Deadline
}

// VDLReflect names the type.
func (MountedServer) VDLReflect(struct {
	Name string `vdl:"v.io/v23/naming.MountedServer"`
}) {
}

// MountEntry is what is mounted on a name.
type MountEntry struct {
	// Name is the part of the name that is to be resolved by the servers.
	Name string
	// Servers are interchangeable.
	Servers []MountedServer
	// ServesMountTable is true if the servers are mount tables.
	ServesMountTable bool
	// IsLeaf is true if the servers have no names below their own.
	IsLeaf bool
}

// VDLReflect names the type.
func (MountEntry) VDLReflect(struct {
	Name string `vdl:"v.io/v23/naming.MountEntry"`
}) {
}

// GlobError is the failure of a search at one name.
type GlobError struct {
	// Name is where the search failed.
	Name string
	// Error is why.
	Error error
}

// VDLReflect names the type.
func (GlobError) VDLReflect(struct {
	Name string `vdl:"v.io/v23/naming.GlobError"`
}) {
}

type (
	// GlobReply is one result of a search.
	GlobReply interface {
		// Index returns the field index.
		Index() int
		// Interface returns the field value as an interface.
		Interface() interface{}
		// Name returns the field name.
		Name() string
		// VDLReflect describes the type.
		VDLReflect(vdlGlobReplyReflect)
	}
	// GlobReplyEntry is a name that matches.
	GlobReplyEntry struct{ Value MountEntry }
	// GlobReplyError is a part of the namespace that was not searched.
	GlobReplyError struct{ Value GlobError }
	// vdlGlobReplyReflect describes the union type.
	vdlGlobReplyReflect struct {
		Name  string `vdl:"v.io/v23/naming.GlobReply"`
		Type  GlobReply
		Union struct {
			Entry GlobReplyEntry
			Error GlobReplyError
		}
	}
)

// Index returns the field index.
func (GlobReplyEntry) Index() int { return 0 }

// Interface returns the field value.
func (x GlobReplyEntry) Interface() interface{} { return x.Value }

// Name returns the field name.
func (GlobReplyEntry) Name() string { return "Entry" }

// VDLReflect describes the type.
func (GlobReplyEntry) VDLReflect(vdlGlobReplyReflect) {}

// Index returns the field index.
func (GlobReplyError) Index() int { return 1 }

// Interface returns the field value.
func (x GlobReplyError) Interface() interface{} { return x.Value }

// Name returns the field name.
func (GlobReplyError) Name() string { return "Error" }

// VDLReflect describes the type.
func (GlobReplyError) VDLReflect(vdlGlobReplyReflect) {}

type (
	// GlobChildrenReply is one result of a search among the children of an object.
	GlobChildrenReply interface {
		// Index returns the field index.
		Index() int
		// Interface returns the field value as an interface.
		Interface() interface{}
		// Name returns the field name.
		Name() string
		// VDLReflect describes the type.
		VDLReflect(vdlGlobChildrenReplyReflect)
	}
	// GlobChildrenReplyName is the name of a child, one element.
	GlobChildrenReplyName struct{ Value string }
	// GlobChildrenReplyError is a failure.
	GlobChildrenReplyError struct{ Value GlobError }
	// vdlGlobChildrenReplyReflect describes the union type.
	vdlGlobChildrenReplyReflect struct {
		Name  string `vdl:"v.io/v23/naming.GlobChildrenReply"`
		Type  GlobChildrenReply
		Union struct {
			Name  GlobChildrenReplyName
			Error GlobChildrenReplyError
		}
	}
)

// Index returns the field index.
func (GlobChildrenReplyName) Index() int { return 0 }

// Interface returns the field value.
func (x GlobChildrenReplyName) Interface() interface{} { return x.Value }

// Name returns the field name.
func (GlobChildrenReplyName) Name() string { return "Name" }

// VDLReflect describes the type.
func (GlobChildrenReplyName) VDLReflect(vdlGlobChildrenReplyReflect) {}

// Index returns the field index.
func (GlobChildrenReplyError) Index() int { return 1 }

// Interface returns the field value.
func (x GlobChildrenReplyError) Interface() interface{} { return x.Value }

// Name returns the field name.
func (GlobChildrenReplyError) Name() string { return "Error" }

// VDLReflect describes the type.
func (GlobChildrenReplyError) VDLReflect(vdlGlobChildrenReplyReflect) {}

func init() {
	vdl.Register((*MountFlag)(nil))
	vdl.Register((*MountedServer)(nil))
	vdl.Register((*MountEntry)(nil))
	vdl.Register((*GlobError)(nil))
	vdl.Register((*GlobReply)(nil))
	vdl.Register((*GlobChildrenReply)(nil))
}
