package vtrace_test

import (
	"fmt"
	"testing"
	"time"

	"v.io/v23/uniqueid"
	"v.io/v23/vdl"
	"v.io/v23/vom"
	"v.io/v23/vtrace"
)

func TestTravels(t *testing.T) {
	in := vtrace.Response{
		Flags: vtrace.CollectInMemory,
		Trace: vtrace.TraceRecord{Id: uniqueid.Id{1}, Spans: []vtrace.SpanRecord{{
			Id: uniqueid.Id{2}, Parent: uniqueid.Id{1}, Name: "call", Start: time.Unix(1, 2).UTC(),
			Annotations: []vtrace.Annotation{{When: time.Unix(3, 4).UTC(), Message: "sent"}},
		}}},
	}
	data, err := vom.Encode(in)
	if err != nil {
		t.Fatal(err)
	}
	var out vtrace.Response
	if err := vom.Decode(data, &out); err != nil || !vdl.DeepEqual(in, out) {
		t.Errorf("%+v became %+v, %v", in, out, err)
	}
	if !out.Trace.Spans[0].End.IsZero() {
		t.Errorf("the end that was not set became %v", out.Trace.Spans[0].End)
	}
}

func ExampleRequest() {
	fmt.Println(vdl.ValueOf(vtrace.Request{Flags: vtrace.CollectInMemory, LogLevel: 2}))
	// Output: v.io/v23/vtrace.Request{Flags: 1, LogLevel: 2}
}
