package verror

import "v.io/v23/context"

// ErrorfUnknown returns an ErrUnknown with the formatted message.
func ErrorfUnknown(ctx *context.T, format string) error {
	return ErrUnknown.Errorf(ctx, format, []interface{}{}...)
}

// MessageUnknown returns an ErrUnknown with the message.
func MessageUnknown(ctx *context.T, message string) error {
	return ErrUnknown.Message(ctx, message)
}

// ParamsErrUnknown returns the component and the operation of an ErrUnknown.
func ParamsErrUnknown(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfInternal returns an ErrInternal with the formatted message.
func ErrorfInternal(ctx *context.T, format string) error {
	return ErrInternal.Errorf(ctx, format, []interface{}{}...)
}

// MessageInternal returns an ErrInternal with the message.
func MessageInternal(ctx *context.T, message string) error {
	return ErrInternal.Message(ctx, message)
}

// ParamsErrInternal returns the component and the operation of an ErrInternal.
func ParamsErrInternal(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfNotImplemented returns an ErrNotImplemented with the formatted message.
func ErrorfNotImplemented(ctx *context.T, format string) error {
	return ErrNotImplemented.Errorf(ctx, format, []interface{}{}...)
}

// MessageNotImplemented returns an ErrNotImplemented with the message.
func MessageNotImplemented(ctx *context.T, message string) error {
	return ErrNotImplemented.Message(ctx, message)
}

// ParamsErrNotImplemented returns the component and the operation of an ErrNotImplemented.
func ParamsErrNotImplemented(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfEndOfFile returns an ErrEndOfFile with the formatted message.
func ErrorfEndOfFile(ctx *context.T, format string) error {
	return ErrEndOfFile.Errorf(ctx, format, []interface{}{}...)
}

// MessageEndOfFile returns an ErrEndOfFile with the message.
func MessageEndOfFile(ctx *context.T, message string) error {
	return ErrEndOfFile.Message(ctx, message)
}

// ParamsErrEndOfFile returns the component and the operation of an ErrEndOfFile.
func ParamsErrEndOfFile(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfBadArg returns an ErrBadArg with the formatted message.
func ErrorfBadArg(ctx *context.T, format string) error {
	return ErrBadArg.Errorf(ctx, format, []interface{}{}...)
}

// MessageBadArg returns an ErrBadArg with the message.
func MessageBadArg(ctx *context.T, message string) error {
	return ErrBadArg.Message(ctx, message)
}

// ParamsErrBadArg returns the component and the operation of an ErrBadArg.
func ParamsErrBadArg(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfBadState returns an ErrBadState with the formatted message.
func ErrorfBadState(ctx *context.T, format string) error {
	return ErrBadState.Errorf(ctx, format, []interface{}{}...)
}

// MessageBadState returns an ErrBadState with the message.
func MessageBadState(ctx *context.T, message string) error {
	return ErrBadState.Message(ctx, message)
}

// ParamsErrBadState returns the component and the operation of an ErrBadState.
func ParamsErrBadState(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfBadVersion returns an ErrBadVersion with the formatted message.
func ErrorfBadVersion(ctx *context.T, format string) error {
	return ErrBadVersion.Errorf(ctx, format, []interface{}{}...)
}

// MessageBadVersion returns an ErrBadVersion with the message.
func MessageBadVersion(ctx *context.T, message string) error {
	return ErrBadVersion.Message(ctx, message)
}

// ParamsErrBadVersion returns the component and the operation of an ErrBadVersion.
func ParamsErrBadVersion(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfExist returns an ErrExist with the formatted message.
func ErrorfExist(ctx *context.T, format string) error {
	return ErrExist.Errorf(ctx, format, []interface{}{}...)
}

// MessageExist returns an ErrExist with the message.
func MessageExist(ctx *context.T, message string) error {
	return ErrExist.Message(ctx, message)
}

// ParamsErrExist returns the component and the operation of an ErrExist.
func ParamsErrExist(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfNoExist returns an ErrNoExist with the formatted message.
func ErrorfNoExist(ctx *context.T, format string) error {
	return ErrNoExist.Errorf(ctx, format, []interface{}{}...)
}

// MessageNoExist returns an ErrNoExist with the message.
func MessageNoExist(ctx *context.T, message string) error {
	return ErrNoExist.Message(ctx, message)
}

// ParamsErrNoExist returns the component and the operation of an ErrNoExist.
func ParamsErrNoExist(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfUnknownMethod returns an ErrUnknownMethod with the formatted message.
func ErrorfUnknownMethod(ctx *context.T, format string) error {
	return ErrUnknownMethod.Errorf(ctx, format, []interface{}{}...)
}

// MessageUnknownMethod returns an ErrUnknownMethod with the message.
func MessageUnknownMethod(ctx *context.T, message string) error {
	return ErrUnknownMethod.Message(ctx, message)
}

// ParamsErrUnknownMethod returns the component and the operation of an ErrUnknownMethod.
func ParamsErrUnknownMethod(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfUnknownSuffix returns an ErrUnknownSuffix with the formatted message.
func ErrorfUnknownSuffix(ctx *context.T, format string) error {
	return ErrUnknownSuffix.Errorf(ctx, format, []interface{}{}...)
}

// MessageUnknownSuffix returns an ErrUnknownSuffix with the message.
func MessageUnknownSuffix(ctx *context.T, message string) error {
	return ErrUnknownSuffix.Message(ctx, message)
}

// ParamsErrUnknownSuffix returns the component and the operation of an ErrUnknownSuffix.
func ParamsErrUnknownSuffix(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfNoExistOrNoAccess returns an ErrNoExistOrNoAccess with the formatted message.
func ErrorfNoExistOrNoAccess(ctx *context.T, format string) error {
	return ErrNoExistOrNoAccess.Errorf(ctx, format, []interface{}{}...)
}

// MessageNoExistOrNoAccess returns an ErrNoExistOrNoAccess with the message.
func MessageNoExistOrNoAccess(ctx *context.T, message string) error {
	return ErrNoExistOrNoAccess.Message(ctx, message)
}

// ParamsErrNoExistOrNoAccess returns the component and the operation of an ErrNoExistOrNoAccess.
func ParamsErrNoExistOrNoAccess(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfNoServers returns an ErrNoServers with the formatted message.
func ErrorfNoServers(ctx *context.T, format string) error {
	return ErrNoServers.Errorf(ctx, format, []interface{}{}...)
}

// MessageNoServers returns an ErrNoServers with the message.
func MessageNoServers(ctx *context.T, message string) error {
	return ErrNoServers.Message(ctx, message)
}

// ParamsErrNoServers returns the component and the operation of an ErrNoServers.
func ParamsErrNoServers(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfNoAccess returns an ErrNoAccess with the formatted message.
func ErrorfNoAccess(ctx *context.T, format string) error {
	return ErrNoAccess.Errorf(ctx, format, []interface{}{}...)
}

// MessageNoAccess returns an ErrNoAccess with the message.
func MessageNoAccess(ctx *context.T, message string) error {
	return ErrNoAccess.Message(ctx, message)
}

// ParamsErrNoAccess returns the component and the operation of an ErrNoAccess.
func ParamsErrNoAccess(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfNotTrusted returns an ErrNotTrusted with the formatted message.
func ErrorfNotTrusted(ctx *context.T, format string) error {
	return ErrNotTrusted.Errorf(ctx, format, []interface{}{}...)
}

// MessageNotTrusted returns an ErrNotTrusted with the message.
func MessageNotTrusted(ctx *context.T, message string) error {
	return ErrNotTrusted.Message(ctx, message)
}

// ParamsErrNotTrusted returns the component and the operation of an ErrNotTrusted.
func ParamsErrNotTrusted(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfAborted returns an ErrAborted with the formatted message.
func ErrorfAborted(ctx *context.T, format string) error {
	return ErrAborted.Errorf(ctx, format, []interface{}{}...)
}

// MessageAborted returns an ErrAborted with the message.
func MessageAborted(ctx *context.T, message string) error {
	return ErrAborted.Message(ctx, message)
}

// ParamsErrAborted returns the component and the operation of an ErrAborted.
func ParamsErrAborted(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfBadProtocol returns an ErrBadProtocol with the formatted message.
func ErrorfBadProtocol(ctx *context.T, format string) error {
	return ErrBadProtocol.Errorf(ctx, format, []interface{}{}...)
}

// MessageBadProtocol returns an ErrBadProtocol with the message.
func MessageBadProtocol(ctx *context.T, message string) error {
	return ErrBadProtocol.Message(ctx, message)
}

// ParamsErrBadProtocol returns the component and the operation of an ErrBadProtocol.
func ParamsErrBadProtocol(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfCanceled returns an ErrCanceled with the formatted message.
func ErrorfCanceled(ctx *context.T, format string) error {
	return ErrCanceled.Errorf(ctx, format, []interface{}{}...)
}

// MessageCanceled returns an ErrCanceled with the message.
func MessageCanceled(ctx *context.T, message string) error {
	return ErrCanceled.Message(ctx, message)
}

// ParamsErrCanceled returns the component and the operation of an ErrCanceled.
func ParamsErrCanceled(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}

// ErrorfTimeout returns an ErrTimeout with the formatted message.
func ErrorfTimeout(ctx *context.T, format string) error {
	return ErrTimeout.Errorf(ctx, format, []interface{}{}...)
}

// MessageTimeout returns an ErrTimeout with the message.
func MessageTimeout(ctx *context.T, message string) error {
	return ErrTimeout.Message(ctx, message)
}

// ParamsErrTimeout returns the component and the operation of an ErrTimeout.
func ParamsErrTimeout(argumentError error) (verrorComponent, verrorOperation string, returnErr error) {
	return originOf(argumentError)
}
