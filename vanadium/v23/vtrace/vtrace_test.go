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

// TestTravel checks that traces arrive as they were sent.
func TestTravel(t *testing.T) {
	id, err := uniqueid.Random()
	if err != nil {
		t.Fatal(err)
	}
	when := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	sent := vtrace.Response{Flags: vtrace.CollectInMemory, Trace: vtrace.TraceRecord{
		Id: id,
		Spans: []vtrace.SpanRecord{{
			Id: id, Parent: id, Name: "call", Start: when, End: when.Add(time.Second), RequestMetadata: []byte{1},
			Annotations: []vtrace.Annotation{{When: when, Message: "sent"}},
		}},
	}}
	data, err := vom.Encode(sent)
	if err != nil {
		t.Fatal(err)
	}
	var got vtrace.Response
	if err := vom.Decode(data, &got); err != nil || !vdl.DeepEqual(got, sent) {
		t.Errorf("it arrives as %+v, %v", got, err)
	}
}

// ExampleRequest shows that calls take no traces.
func ExampleRequest() {
	var request vtrace.Request
	fmt.Println(request.Flags == vtrace.Empty, uniqueid.Valid(request.TraceId))
	// Output: true false
}
