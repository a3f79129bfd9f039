package verror

import (
	"fmt"

	"v.io/v23/vdl"
)

func init() {
	vdl.RegisterNative(WireToNative, wireFromE)
	vdl.RegisterNative(wireToError, WireFromNative)
	vdl.Register((*SubErrOpts)(nil))
	vdl.Register((*SubErr)(nil))
}

// VDLReflect names the type for reflection; it is never called.
func (SubErrOpts) VDLReflect(struct {
	Name string `vdl:"v.io/v23/verror.SubErrOpts"`
}) {
}

// VDLReflect names the type for reflection; it is never called.
func (SubErr) VDLReflect(struct {
	Name string `vdl:"v.io/v23/verror.SubErr"`
}) {
}

// WireToNative stores the error that travelled as wire at native.
func WireToNative(wire vdl.WireError, native *E) error {
	e := E{ID: ID(wire.Id), Action: ActionCode(wire.RetryCode), Msg: wire.Msg}
	if len(wire.ParamList) > 0 {
		e.ParamList = make([]interface{}, len(wire.ParamList))
	}
	for i, value := range wire.ParamList {
		if err := fromValue(value, &e.ParamList[i]); err != nil {
			return fmt.Errorf("verror: parameter %d of the error %s: %w", i, wire.Id, err)
		}
	}
	*native = e
	return nil
}

// fromValue stores the Go value of a parameter at param: of the Go type that is registered for the value's type, or a
// *vdl.Value if there is none.
func fromValue(value *vdl.Value, param *interface{}) error {
	if value == nil || value.VDLIsZero() {
		*param = nil
		return nil
	}
	return vdl.Convert(param, value)
}

// WireFromNative stores at wire how the error travels. What it wraps stays behind.
func WireFromNative(wire *vdl.WireError, native error) error {
	switch err := native.(type) {
	case nil:
		*wire = vdl.WireError{}
		return nil
	case E:
		return wireFromE(wire, err)
	case *E:
		if err == nil {
			*wire = vdl.WireError{}
			return nil
		}
		return wireFromE(wire, *err)
	case IDAction:
		*wire = vdl.WireError{Id: string(err.ID), RetryCode: vdl.WireRetryCode(err.Action.RetryAction())}
		return nil
	}
	return wireFromE(wire, asE(native))
}

// asE returns the error of another package in the form of this one: the identity of the error of this package that it
// wraps, or else ErrUnknown, with its own text.
func asE(native error) E {
	text := native.Error()
	if e, ok := find(native); ok {
		e.Msg = text
		return e
	}
	e := E{ID: ErrUnknown.ID, Action: NoRetry, Msg: text, ParamList: []interface{}{"", "", text}}
	if id, ok := declared(native); ok {
		e.ID, e.Action = id.ID, id.Action
	}
	return e
}

// wireFromE is WireFromNative for the errors of this package.
func wireFromE(wire *vdl.WireError, e E) error {
	list := make([]*vdl.Value, len(e.ParamList))
	for i, param := range e.ParamList {
		list[i] = toValue(param)
	}
	if len(list) == 0 {
		list = nil
	}
	*wire = vdl.WireError{
		Id:        string(e.ID),
		RetryCode: vdl.WireRetryCode(e.Action.RetryAction()),
		Msg:       e.Msg,
		ParamList: list,
	}
	return nil
}

// toValue returns the value of a parameter. A parameter that no value can hold travels as its text, since the error is
// worth more than the exact parameter.
func toValue(param interface{}) *vdl.Value {
	value, err := vdl.ValueFrom(param)
	if err != nil {
		return vdl.ValueOf(fmt.Sprint(param))
	}
	return value
}

// wireToError is WireToNative for the type error.
func wireToError(wire vdl.WireError, native *error) error {
	e := new(E)
	if err := WireToNative(wire, e); err != nil {
		return err
	}
	*native = e
	return nil
}

// FromWire returns the error that travelled as wire, as a *E, or nil for nil. If the wire form itself is bad then the
// error says so.
func FromWire(wire *vdl.WireError) error {
	if wire == nil {
		return nil
	}
	var native error
	if err := wireToError(*wire, &native); err != nil {
		return err
	}
	return native
}

// VDLRead reads an error, which becomes a *E, or nil. Generated code calls it.
func VDLRead(dec vdl.Decoder, x *error) error {
	if err := dec.StartValue(vdl.ErrorType); err != nil {
		return err
	}
	if dec.IsNil() {
		*x = nil
		return dec.FinishValue()
	}
	dec.IgnoreNextStartValue()
	var wire vdl.WireError
	if err := vdl.Read(dec, &wire); err != nil {
		return err
	}
	return wireToError(wire, x)
}

// VDLWrite writes the error. Generated code calls it.
func VDLWrite(enc vdl.Encoder, x error) error {
	if x == nil {
		return enc.NilValue(vdl.ErrorType)
	}
	var wire vdl.WireError
	if err := WireFromNative(&wire, x); err != nil {
		return err
	}
	enc.SetNextStartValueIsOptional()
	return vdl.Write(enc, wire)
}
