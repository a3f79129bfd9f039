// Package verror has errors that keep their identity when they travel between processes.
//
// An error is declared once, with an ID that names it everywhere and an action that tells callers what they may do:
//
//	var errFull = verror.NewIDAction("example.com/store.Full", verror.RetryBackoff)
//
// and is made with a message, and with parameters that travel, too:
//
//	return errFull.Errorf(ctx, "the store holds %d keys, which is its limit", n)
//
// The standard function errors.Is recognises it on the other side, whatever the message says:
//
//	if errors.Is(err, errFull) { ... }
//
// The verb %w wraps an error for this process: errors.Is and errors.As find it, but only its text travels.
//
// All functions accept a nil context, for which the context of SetDefaultContext is used.
package verror

import (
	"errors"
	"fmt"
	"strings"

	"v.io/v23/context"
)

// ID names an error for all processes, in the form "package/path.Name".
type ID string

// ActionCode tells what the caller of a failed operation may do.
type ActionCode uint32

// The actions.
const (
	NoRetry         ActionCode = 0 // give up: trying again without changing something will not help
	RetryConnection ActionCode = 1 // connect anew and try again
	RetryRefetch    ActionCode = 2 // look the name up anew and try again
	RetryBackoff    ActionCode = 3 // wait and try again

	// RetryActionMask selects the bits of an ActionCode that hold the above.
	RetryActionMask ActionCode = 3
)

// RetryAction returns the part of the code that tells whether to retry.
func (ac ActionCode) RetryAction() ActionCode { return ac & RetryActionMask }

// String returns the name of the code.
func (ac ActionCode) String() string {
	switch ac.RetryAction() {
	case RetryConnection:
		return "RetryConnection"
	case RetryRefetch:
		return "RetryRefetch"
	case RetryBackoff:
		return "RetryBackoff"
	}
	return "NoRetry"
}

// IDAction declares an error. It is an error itself, so that it can be the target of errors.Is.
type IDAction struct {
	ID     ID
	Action ActionCode
}

// NewIDAction declares an error. It panics unless id has the form "package/path.Name", since a name alone would not be
// the same for everyone.
func NewIDAction(id ID, action ActionCode) IDAction {
	if dot := strings.LastIndexByte(string(id), '.'); dot <= 0 || dot == len(id)-1 {
		panic(fmt.Sprintf("verror: the id %q of an error is not of the form package/path.Name", id))
	}
	return IDAction{ID: id, Action: action}
}

// NewID declares an error that is not to be retried, see NewIDAction.
func NewID(id ID) IDAction { return NewIDAction(id, NoRetry) }

// Error returns the ID.
func (i IDAction) Error() string { return string(i.ID) }

// Is reports whether target has the same ID.
func (i IDAction) Is(target error) bool {
	id, ok := ownID(target)
	return ok && id == i.ID
}

// Errorf returns an error with this ID and action. The message is made as by fmt.Errorf, %w included, and the params
// are kept for Params.
func (i IDAction) Errorf(ctx *context.T, format string, params ...interface{}) error {
	formatted := fmt.Errorf(format, params...)
	return newE(ctx, i, formatted.Error(), wrappedBy(formatted), params)
}

// Message returns an error with this ID and action. The message is used as it is, and the params are kept for Params.
func (i IDAction) Message(ctx *context.T, msg string, params ...interface{}) error {
	return newE(ctx, i, msg, nil, params)
}

// Errorf returns an error with the ID ErrUnknown, see IDAction.Errorf.
func Errorf(ctx *context.T, format string, params ...interface{}) error {
	formatted := fmt.Errorf(format, params...)
	return newE(ctx, ErrUnknown, formatted.Error(), wrappedBy(formatted), params)
}

// Message returns an error with the ID ErrUnknown, see IDAction.Message.
func Message(ctx *context.T, msg string, params ...interface{}) error {
	return newE(ctx, ErrUnknown, msg, nil, params)
}

// wrappedBy returns what a result of fmt.Errorf wraps: nil, the one error, or the result itself if there are several.
func wrappedBy(formatted error) error {
	if _, several := formatted.(interface{ Unwrap() []error }); several {
		return formatted
	}
	return errors.Unwrap(formatted)
}

// ErrorID returns the ID of the outermost error of this package that err is or wraps; "" for nil, and the ID of
// ErrUnknown if there is none.
func ErrorID(err error) ID {
	if err == nil {
		return ""
	}
	if e, ok := find(err); ok {
		return e.ID
	}
	if i, ok := declared(err); ok {
		return i.ID
	}
	return ErrUnknown.ID
}

// Action returns the action of the outermost error of this package that err is or wraps, and NoRetry if there is none.
func Action(err error) ActionCode {
	if e, ok := find(err); ok {
		return e.Action
	}
	i, _ := declared(err)
	return i.Action
}

// Params returns a copy of the parameters of the outermost error of this package that err is or wraps: first the names
// of the component and of the operation, and then what was given to Errorf or Message. It is nil if there is none.
func Params(err error) []interface{} {
	e, ok := find(err)
	if !ok {
		return nil
	}
	return append([]interface{}(nil), e.ParamList...)
}

// IsAny reports whether err is or wraps an error made by this package.
func IsAny(err error) bool {
	_, ok := find(err)
	return ok
}

// find returns the outermost E that err is or wraps.
func find(err error) (E, bool) {
	if own, ok := err.(*E); ok && own == nil {
		return E{}, false // its methods would need a value
	}
	var value E
	if errors.As(err, &value) {
		return value, true
	}
	var pointer *E
	if errors.As(err, &pointer) && pointer != nil {
		return *pointer, true
	}
	return E{}, false
}

// declared returns the outermost declaration that err wraps without a message of its own.
func declared(err error) (IDAction, bool) {
	var i IDAction
	found := errors.As(err, &i)
	return i, found
}

// ownID returns the ID of err itself, without looking at what it wraps.
func ownID(err error) (ID, bool) {
	switch err := err.(type) {
	case E:
		return err.ID, true
	case *E:
		if err != nil {
			return err.ID, true
		}
	case IDAction:
		return err.ID, true
	}
	return "", false
}
