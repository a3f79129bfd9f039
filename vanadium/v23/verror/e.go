package verror

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"v.io/v23/context"
)

// E is the error that this package makes. It never changes; its fields are exported for those who convert it.
type E struct {
	ID        ID
	Action    ActionCode
	Msg       string        // for people; begins with the component and the operation, if known
	ParamList []interface{} // the component, the operation, and the parameters of the error itself

	wrapped error // what Unwrap returns
	pcs     PCs   // where the error was made, in this process
}

// Error returns the message, or the ID if there is none.
func (e E) Error() string {
	if e.Msg == "" {
		return string(e.ID)
	}
	return e.Msg
}

// Is reports whether target is an error or a declaration of this package with the same ID.
func (e E) Is(target error) bool {
	id, ok := ownID(target)
	return ok && id == e.ID
}

// Unwrap returns the error that was given for %w or to WithSubErrors, or nil. Several errors are joined.
func (e E) Unwrap() error { return e.wrapped }

// newE makes an error on behalf of an exported function, which the stack begins below.
func newE(ctx *context.T, i IDAction, msg string, wrapped error, params []interface{}) error {
	component, operation := origin(ctx)
	list := make([]interface{}, 0, 2+len(params))
	list = append(append(list, component, operation), params...)
	return E{
		ID:        i.ID,
		Action:    i.Action,
		Msg:       prefix(component, operation) + msg,
		ParamList: list,
		wrapped:   wrapped,
		pcs:       callers(),
	}
}

// prefix returns what messages begin with: "component:operation: ", or as much of it as there is.
func prefix(component, operation string) string {
	switch {
	case component == "" && operation == "":
		return ""
	case operation == "":
		return component + ": "
	case component == "":
		return operation + ": "
	}
	return component + ":" + operation + ": "
}

type componentKey struct{}

// WithComponentName returns a child of ctx whose errors say that they come from the component. Without a name it is
// that of the program.
func WithComponentName(ctx *context.T, componentName string) *context.T {
	return context.WithValue(ctx, componentKey{}, componentName)
}

// defaultContext stands in for nil.
var defaultContext atomic.Pointer[context.T]

// SetDefaultContext sets the context that is used where nil is given. It is safe for concurrent use.
func SetDefaultContext(ctx *context.T) { defaultContext.Store(ctx) }

// origin returns the names of the component and of the operation that ctx belongs to. Calls have no operation name,
// since they are not traced.
func origin(ctx *context.T) (component, operation string) {
	if ctx == nil {
		ctx = defaultContext.Load()
	}
	if ctx.Initialized() {
		component, _ = ctx.Value(componentKey{}).(string)
	}
	if component == "" && len(os.Args) > 0 {
		component = strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	}
	return component, ""
}
