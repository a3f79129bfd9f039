package security

import (
	"time"

	"v.io/v23/naming"
	"v.io/v23/vdl"
)

// CallParams holds what a [Call] answers; see there for the fields.
type CallParams struct {
	Timestamp  time.Time
	Method     string
	MethodTags []*vdl.Value
	Suffix     string

	LocalPrincipal  Principal
	LocalBlessings  Blessings
	LocalEndpoint   naming.Endpoint
	LocalDischarges []Discharge

	RemoteBlessings  Blessings
	RemoteEndpoint   naming.Endpoint
	RemoteDischarges []Discharge
}

// Copy fills in p with what call answers.
func (p *CallParams) Copy(call Call) {
	*p = CallParams{
		Timestamp:        call.Timestamp(),
		Method:           call.Method(),
		MethodTags:       append([]*vdl.Value(nil), call.MethodTags()...),
		Suffix:           call.Suffix(),
		LocalPrincipal:   call.LocalPrincipal(),
		LocalBlessings:   call.LocalBlessings(),
		LocalEndpoint:    call.LocalEndpoint(),
		LocalDischarges:  append([]Discharge(nil), call.LocalDischarges()...),
		RemoteBlessings:  call.RemoteBlessings(),
		RemoteEndpoint:   call.RemoteEndpoint(),
		RemoteDischarges: append([]Discharge(nil), call.RemoteDischarges()...),
	}
}

// NewCall returns a Call that answers with a copy of params. A zero Timestamp
// stands for the time of NewCall.
func NewCall(params *CallParams) Call {
	call := &paramsCall{*params}
	if call.params.Timestamp.IsZero() {
		call.params.Timestamp = time.Now()
	}
	return call
}

// paramsCall answers from params, which never change.
type paramsCall struct{ params CallParams }

func (c *paramsCall) Timestamp() time.Time            { return c.params.Timestamp }
func (c *paramsCall) Method() string                  { return c.params.Method }
func (c *paramsCall) MethodTags() []*vdl.Value        { return c.params.MethodTags }
func (c *paramsCall) Suffix() string                  { return c.params.Suffix }
func (c *paramsCall) LocalPrincipal() Principal       { return c.params.LocalPrincipal }
func (c *paramsCall) LocalBlessings() Blessings       { return c.params.LocalBlessings }
func (c *paramsCall) LocalEndpoint() naming.Endpoint  { return c.params.LocalEndpoint }
func (c *paramsCall) LocalDischarges() Discharges     { return c.params.LocalDischarges }
func (c *paramsCall) RemoteBlessings() Blessings      { return c.params.RemoteBlessings }
func (c *paramsCall) RemoteEndpoint() naming.Endpoint { return c.params.RemoteEndpoint }
func (c *paramsCall) RemoteDischarges() Discharges    { return c.params.RemoteDischarges }
