package vdl

import "fmt"

// WireError is the form in which errors travel. Package v.io/v23/verror converts between it and Go errors.
type WireError struct {
	Id        string        // identity of the error, "package/path.Name"
	RetryCode WireRetryCode // what a caller may do about it
	Msg       string        // text for people
	ParamList []*Value      // parameters: component, operation, and then those of the error's declaration
}

// VDLReflect names the type for reflection; it is never called.
func (WireError) VDLReflect(struct {
	Name string `vdl:"v.io/v23/vdl.WireError"`
}) {
}

// WireRetryCode says what a caller may do about an error.
type WireRetryCode int

// The retry codes: give up, connect anew, look up the name anew, or wait and try again.
const (
	WireRetryCodeNoRetry WireRetryCode = iota
	WireRetryCodeRetryConnection
	WireRetryCodeRetryRefetch
	WireRetryCodeRetryBackoff
)

// WireRetryCodeAll holds all retry codes in order.
var WireRetryCodeAll = [...]WireRetryCode{
	WireRetryCodeNoRetry, WireRetryCodeRetryConnection, WireRetryCodeRetryRefetch, WireRetryCodeRetryBackoff,
}

var retryLabels = [...]string{"NoRetry", "RetryConnection", "RetryRefetch", "RetryBackoff"}

// WireRetryCodeFromString returns the code of the label.
func WireRetryCodeFromString(label string) (WireRetryCode, error) {
	var code WireRetryCode
	err := code.Set(label)
	return code, err
}

// Set assigns the code of the label, or -1 and an error if there is none.
func (x *WireRetryCode) Set(label string) error {
	for i, known := range retryLabels {
		if known == label {
			*x = WireRetryCode(i)
			return nil
		}
	}
	*x = -1
	return fmt.Errorf("vdl: unknown label %q of WireRetryCode", label)
}

// String returns the label of the code, or "" if it has none.
func (x WireRetryCode) String() string {
	if x < 0 || int(x) >= len(retryLabels) {
		return ""
	}
	return retryLabels[x]
}

// VDLReflect names the type and its labels for reflection; it is never called.
func (WireRetryCode) VDLReflect(struct {
	Name string `vdl:"v.io/v23/vdl.WireRetryCode"`
	Enum struct{ NoRetry, RetryConnection, RetryRefetch, RetryBackoff string }
}) {
}
