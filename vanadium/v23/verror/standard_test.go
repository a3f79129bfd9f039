package verror_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"v.io/v23/context"
	"v.io/v23/verror"
)

// standard is one of the standard errors with its functions.
type standard struct {
	declared verror.IDAction
	errorf   func(*context.T, string) error
	message  func(*context.T, string) error
	params   func(error) (string, string, error)
}

// standards are all of them, by name.
var standards = map[string]standard{
	"Unknown": {
		verror.ErrUnknown, verror.ErrorfUnknown, verror.MessageUnknown, verror.ParamsErrUnknown,
	},
	"Internal": {
		verror.ErrInternal, verror.ErrorfInternal, verror.MessageInternal, verror.ParamsErrInternal,
	},
	"NotImplemented": {
		verror.ErrNotImplemented, verror.ErrorfNotImplemented, verror.MessageNotImplemented, verror.ParamsErrNotImplemented,
	},
	"EndOfFile": {
		verror.ErrEndOfFile, verror.ErrorfEndOfFile, verror.MessageEndOfFile, verror.ParamsErrEndOfFile,
	},
	"BadArg": {
		verror.ErrBadArg, verror.ErrorfBadArg, verror.MessageBadArg, verror.ParamsErrBadArg,
	},
	"BadState": {
		verror.ErrBadState, verror.ErrorfBadState, verror.MessageBadState, verror.ParamsErrBadState,
	},
	"BadVersion": {
		verror.ErrBadVersion, verror.ErrorfBadVersion, verror.MessageBadVersion, verror.ParamsErrBadVersion,
	},
	"Exist": {
		verror.ErrExist, verror.ErrorfExist, verror.MessageExist, verror.ParamsErrExist,
	},
	"NoExist": {
		verror.ErrNoExist, verror.ErrorfNoExist, verror.MessageNoExist, verror.ParamsErrNoExist,
	},
	"UnknownMethod": {
		verror.ErrUnknownMethod, verror.ErrorfUnknownMethod, verror.MessageUnknownMethod, verror.ParamsErrUnknownMethod,
	},
	"UnknownSuffix": {
		verror.ErrUnknownSuffix, verror.ErrorfUnknownSuffix, verror.MessageUnknownSuffix, verror.ParamsErrUnknownSuffix,
	},
	"NoExistOrNoAccess": {
		verror.ErrNoExistOrNoAccess, verror.ErrorfNoExistOrNoAccess, verror.MessageNoExistOrNoAccess,
		verror.ParamsErrNoExistOrNoAccess,
	},
	"NoServers": {
		verror.ErrNoServers, verror.ErrorfNoServers, verror.MessageNoServers, verror.ParamsErrNoServers,
	},
	"NoAccess": {
		verror.ErrNoAccess, verror.ErrorfNoAccess, verror.MessageNoAccess, verror.ParamsErrNoAccess,
	},
	"NotTrusted": {
		verror.ErrNotTrusted, verror.ErrorfNotTrusted, verror.MessageNotTrusted, verror.ParamsErrNotTrusted,
	},
	"Aborted": {
		verror.ErrAborted, verror.ErrorfAborted, verror.MessageAborted, verror.ParamsErrAborted,
	},
	"BadProtocol": {
		verror.ErrBadProtocol, verror.ErrorfBadProtocol, verror.MessageBadProtocol, verror.ParamsErrBadProtocol,
	},
	"Canceled": {
		verror.ErrCanceled, verror.ErrorfCanceled, verror.MessageCanceled, verror.ParamsErrCanceled,
	},
	"Timeout": {
		verror.ErrTimeout, verror.ErrorfTimeout, verror.MessageTimeout, verror.ParamsErrTimeout,
	},
}

// TestStandard checks the functions of all standard errors.
func TestStandard(t *testing.T) {
	ctx := component(t, "prog")
	for name, e := range standards {
		if e.declared.ID != verror.ID("v.io/v23/verror."+name) {
			t.Errorf("%s has the id %s", name, e.declared.ID)
		}
		refetch := strings.Contains("NoServers NoAccess NotTrusted", name)
		if refetch != (e.declared.Action == verror.RetryRefetch) || !refetch && e.declared.Action != verror.NoRetry {
			t.Errorf("%s has the action %v", name, e.declared.Action)
		}
		for _, err := range []error{e.errorf(ctx, "it was 5%%"), e.message(ctx, "it was 5%")} {
			if !errors.Is(err, e.declared) || err.Error() != "prog: it was 5%" {
				t.Errorf("%s: %v", name, err)
			}
			component, operation, failure := e.params(err)
			if component != "prog" || operation != "" || failure != nil {
				t.Errorf("%s: %q %q %v", name, component, operation, failure)
			}
		}
		for _, bad := range []error{nil, io.EOF, e.declared, verror.E{ParamList: []interface{}{1, 2}}} {
			if _, _, failure := e.params(bad); failure == nil {
				t.Errorf("%s: %v has parameters", name, bad)
			}
		}
	}
}
