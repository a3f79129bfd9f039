package verror

import "errors"

// SubErrOpts are options of a SubErr.
type SubErrOpts uint32

// Print makes the message of a SubErr part of the message of the error it is added to.
const Print SubErrOpts = 0x1

// SubErr is an error that is part of another one, for example the failure of one of several servers.
type SubErr struct {
	Name    string // what failed
	Err     error
	Options SubErrOpts
}

// Error returns the name and the message.
func (s SubErr) Error() string {
	switch {
	case s.Err == nil:
		return s.Name
	case s.Name == "":
		return s.Err.Error()
	}
	return s.Name + ": " + s.Err.Error()
}

// Unwrap returns Err.
func (s SubErr) Unwrap() error { return s.Err }

// WithSubErrors returns err with the subErrors as additional parameters. Their messages are appended to that of err,
// except for those of SubErrs without Print. errors.Is and errors.As find all of them. An err of another package
// becomes an ErrUnknown that wraps it.
func WithSubErrors(err error, subErrors ...error) error {
	e, ok := find(err)
	if !ok {
		if err == nil {
			return nil
		}
		e, _ = newE(nil, ErrUnknown, err.Error(), err, []interface{}{err.Error()}).(E)
	}
	e.ParamList = append([]interface{}(nil), e.ParamList...)
	for _, sub := range subErrors {
		if sub == nil {
			continue
		}
		e.ParamList = append(e.ParamList, sub)
		if printed(sub) {
			e.Msg += " [" + sub.Error() + "]"
		}
	}
	e.wrapped = errors.Join(append([]error{e.wrapped}, subErrors...)...)
	return e
}

// printed reports whether the message of a sub-error is part of that of the whole.
func printed(sub error) bool {
	s, ok := sub.(SubErr)
	return !ok || s.Options&Print != 0
}
