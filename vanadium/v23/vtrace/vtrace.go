// Package vtrace has the form in which the traces of calls travel with them.
//
// Calls of these libraries take no traces: the records are empty, but they are part of every request and response.
package vtrace

import (
	"time"

	"v.io/v23/uniqueid"
	"v.io/v23/vdl"
	_ "v.io/v23/vdlroot/time" // time.Time travels
)

func init() {
	vdl.Register((*TraceFlags)(nil))
	vdl.Register((*Annotation)(nil))
	vdl.Register((*SpanRecord)(nil))
	vdl.Register((*TraceRecord)(nil))
	vdl.Register((*Request)(nil))
	vdl.Register((*Response)(nil))
}

// TraceFlags say what happens to a trace.
type TraceFlags int32

const (
	// Empty is for a trace that is not taken.
	Empty = TraceFlags(0)
	// CollectInMemory is for a trace that servers keep and send back.
	CollectInMemory = TraceFlags(1)
)

// VDLReflect names the type for reflection; it is never called.
func (TraceFlags) VDLReflect(struct {
	Name string `vdl:"v.io/v23/vtrace.TraceFlags"`
}) {
}

// Annotation is something that happened during a span.
type Annotation struct {
	When    time.Time
	Message string
}

// VDLReflect names the type for reflection; it is never called.
func (Annotation) VDLReflect(struct {
	Name string `vdl:"v.io/v23/vtrace.Annotation"`
}) {
}

// SpanRecord is a part of a trace, such as one call.
type SpanRecord struct {
	Id              uniqueid.Id
	Parent          uniqueid.Id // the span it is part of
	Name            string
	Start           time.Time
	End             time.Time // zero while it goes on
	Annotations     []Annotation
	RequestMetadata []byte
}

// VDLReflect names the type for reflection; it is never called.
func (SpanRecord) VDLReflect(struct {
	Name string `vdl:"v.io/v23/vtrace.SpanRecord"`
}) {
}

// TraceRecord is what one process knows of a trace.
type TraceRecord struct {
	Id    uniqueid.Id
	Spans []SpanRecord
}

// VDLReflect names the type for reflection; it is never called.
func (TraceRecord) VDLReflect(struct {
	Name string `vdl:"v.io/v23/vtrace.TraceRecord"`
}) {
}

// Request goes with the request of a call.
type Request struct {
	SpanId          uniqueid.Id // the span that the call is part of
	TraceId         uniqueid.Id
	RequestMetadata []byte
	Flags           TraceFlags
	LogLevel        int32
}

// VDLReflect names the type for reflection; it is never called.
func (Request) VDLReflect(struct {
	Name string `vdl:"v.io/v23/vtrace.Request"`
}) {
}

// Response goes with the response of a call.
type Response struct {
	Flags TraceFlags
	Trace TraceRecord // what the server knows of the trace
}

// VDLReflect names the type for reflection; it is never called.
func (Response) VDLReflect(struct {
	Name string `vdl:"v.io/v23/vtrace.Response"`
}) {
}
