package rpc

import (
	"v.io/v23/security"
	"v.io/v23/vdl"
	vdltime "v.io/v23/vdlroot/time"
	"v.io/v23/vtrace"
)

// Request goes before the arguments of a call, and before every item that the client streams.
type Request struct {
	// Suffix is the name of the object, relative to the server.
	Suffix string
	// Method is the method of the object.
	Method string
	// NumPosArgs is the number of arguments that follow.
	NumPosArgs uint64
	// EndStreamArgs is true if the client streams no more; nothing follows then.
	EndStreamArgs bool
	// Deadline is when the client gives up. It travels as a duration.
	Deadline vdltime.Deadline
	// GrantedBlessings are blessings for the server.
	GrantedBlessings security.Blessings
	// TraceRequest identifies the trace that the call belongs to.
	TraceRequest vtrace.Request
	// Language is the language of messages for people, an IETF tag.
	Language string
}

// VDLReflect names the type.
func (Request) VDLReflect(struct {
	Name string `vdl:"v.io/v23/rpc.Request"`
}) {
}

// Response goes before the results of a call, and before every item that the server streams.
type Response struct {
	// Error is why the call failed; no results follow then.
	Error error
	// EndStreamResults is true if the server streams no more; the results follow.
	EndStreamResults bool
	// NumPosResults is the number of results that follow.
	NumPosResults uint64
	// TraceResponse is the part of the trace that the server knows.
	TraceResponse vtrace.Response
	// AckBlessings is true if the server has the client's blessings.
	AckBlessings bool
}

// VDLReflect names the type.
func (Response) VDLReflect(struct {
	Name string `vdl:"v.io/v23/rpc.Response"`
}) {
}

// GlobMethod is the method that searches the names below an object.
const GlobMethod = "__Glob"

// ReservedSignature is the method that describes an object.
const ReservedSignature = "__Signature"

// ReservedMethodSignature is the method that describes a method of an object.
const ReservedMethodSignature = "__MethodSignature"

func init() {
	vdl.Register((*Request)(nil))
	vdl.Register((*Response)(nil))
}
