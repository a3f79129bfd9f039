package security

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"v.io/v23/context"
	"v.io/v23/uniqueid"
	"v.io/v23/vdl"
	"v.io/v23/vom"
)

// caveatKind is a registered kind of caveat.
type caveatKind struct {
	descriptor CaveatDescriptor
	// decode returns the parameter as its Go type.
	decode func(paramVom []byte) (any, error)
	// validate returns nil if a caveat with the decoded parameter holds. It must
	// not modify the parameter, which concurrent calls share.
	validate func(ctx *context.T, call Call, param any) error
}

// caveatKinds holds all registered kinds.
var caveatKinds = struct {
	sync.RWMutex
	byID map[uniqueid.Id]*caveatKind
}{byID: make(map[uniqueid.Id]*caveatKind)}

var (
	contextType = reflect.TypeFor[*context.T]()
	callType    = reflect.TypeFor[Call]()
	errorType   = reflect.TypeFor[error]()
)

// RegisterCaveatValidator registers validator for the kind of caveat that
// descriptor describes. It must be a function
//
//	func(ctx *context.T, call security.Call, param T) error
//
// where T is the Go type of descriptor.ParamType. It is called concurrently and
// must not modify param. RegisterCaveatValidator panics if validator does not
// have this form or the kind is registered already; call it from an init
// function.
func RegisterCaveatValidator(descriptor CaveatDescriptor, validator any) {
	function := reflect.ValueOf(validator)
	paramType, err := validatorParam(descriptor, function)
	if err != nil {
		panic(fmt.Sprintf("security: cannot register a validator for caveat %v: %v", descriptor.Id, err))
	}
	registerKind(&caveatKind{
		descriptor: descriptor,
		decode: func(paramVom []byte) (any, error) {
			param := reflect.New(paramType)
			if err := vom.Decode(paramVom, param.Interface()); err != nil {
				return nil, err
			}
			return param.Elem().Interface(), nil
		},
		validate: func(ctx *context.T, call Call, param any) error {
			// Call turns a nil ctx or call into the zero Value of its type.
			results := function.Call([]reflect.Value{
				typedValue(contextType, ctx), typedValue(callType, call), typedValue(paramType, param),
			})
			err, _ := results[0].Interface().(error)
			return err
		},
	})
}

func typedValue(want reflect.Type, v any) reflect.Value {
	value := reflect.New(want).Elem()
	if v != nil {
		value.Set(reflect.ValueOf(v))
	}
	return value
}

// validatorParam returns the type of the third argument of validator, or what
// is wrong with it.
func validatorParam(descriptor CaveatDescriptor, validator reflect.Value) (reflect.Type, error) {
	if !validator.IsValid() || validator.Kind() != reflect.Func || validator.IsNil() {
		return nil, errors.New("the validator is not a function")
	}
	signature := validator.Type()
	if signature.NumIn() != 3 || signature.IsVariadic() || signature.NumOut() != 1 ||
		signature.In(0) != contextType || signature.In(1) != callType || signature.Out(0) != errorType {
		return nil, fmt.Errorf("the validator is a %v, want func(*context.T, security.Call, T) error", signature)
	}
	param := signature.In(2)
	if descriptor.ParamType == nil || descriptor.ParamType == vdl.AnyType {
		return nil, ErrCaveatParamAny.Errorf(nil, "the parameter is of type any")
	}
	got, err := vdl.TypeFromReflect(param)
	if err != nil {
		return nil, err
	}
	if got != descriptor.ParamType {
		return nil, fmt.Errorf("the validator takes a %v, the descriptor wants a %v", got, descriptor.ParamType)
	}
	return param, nil
}

// registerStandard registers a kind without the cost of reflection per call.
func registerStandard[T any](descriptor CaveatDescriptor, validate func(*context.T, Call, T) error) {
	registerKind(&caveatKind{
		descriptor: descriptor,
		decode: func(paramVom []byte) (any, error) {
			var param T
			err := vom.Decode(paramVom, &param)
			return param, err
		},
		validate: func(ctx *context.T, call Call, param any) error {
			typed, ok := param.(T)
			if !ok {
				return fmt.Errorf("security: caveat parameter is a %T, want %T", param, typed)
			}
			return validate(ctx, call, typed)
		},
	})
}

func registerKind(kind *caveatKind) {
	id := kind.descriptor.Id
	caveatKinds.Lock()
	defer caveatKinds.Unlock()
	if caveatKinds.byID[id] != nil {
		panic(fmt.Sprintf("security: a validator for caveat %v is registered already", id))
	}
	caveatKinds.byID[id] = kind
}

func lookupKind(id uniqueid.Id) (*caveatKind, bool) {
	caveatKinds.RLock()
	defer caveatKinds.RUnlock()
	kind, ok := caveatKinds.byID[id]
	return kind, ok
}

// NewCaveat returns a caveat of the kind that descriptor describes.
func NewCaveat(descriptor CaveatDescriptor, param any) (Caveat, error) {
	if descriptor.ParamType == nil || descriptor.ParamType == vdl.AnyType {
		return Caveat{}, ErrCaveatParamAny.Errorf(nil, "caveat %v has a parameter of type any", descriptor.Id)
	}
	if got := vdl.TypeOf(param); got != descriptor.ParamType {
		return Caveat{}, ErrCaveatParamTypeMismatch.Errorf(nil, "caveat %v has a parameter of type %v, got a %v",
			descriptor.Id, descriptor.ParamType, got)
	}
	encoded, err := vom.Encode(param)
	if err != nil {
		return Caveat{}, ErrCaveatParamCoding.Errorf(nil, "encoding the parameter of caveat %v: %w", descriptor.Id, err)
	}
	return Caveat{Id: descriptor.Id, ParamVom: encoded}, nil
}

// Validate returns nil if c holds in call. A caveat of an unknown kind never
// holds.
func (c *Caveat) Validate(ctx *context.T, call Call) error {
	prepared := preparedCaveat{caveat: *c}
	return prepared.validate(ctx, call)
}

// ThirdPartyDetails returns the details if c is a third-party caveat, else nil.
func (c *Caveat) ThirdPartyDetails() ThirdPartyCaveat {
	if c.Id != PublicKeyThirdPartyCaveat.Id {
		return nil
	}
	var param publicKeyThirdPartyCaveatParam
	if err := vom.Decode(c.ParamVom, &param); err != nil {
		return nil
	}
	return &param
}

// String returns the kind and parameter of c for people.
func (c Caveat) String() string {
	param, err := decodeParam(&c)
	if err != nil {
		return fmt.Sprintf("%v(%d bytes of VOM)", c.Id, len(c.ParamVom))
	}
	return fmt.Sprintf("%v(%v)", c.Id, param)
}

func decodeParam(c *Caveat) (any, error) {
	kind, ok := lookupKind(c.Id)
	if !ok {
		return nil, ErrCaveatNotRegistered.Errorf(nil, "caveats of kind %v are not known here", c.Id)
	}
	param, err := kind.decode(c.ParamVom)
	if err != nil {
		return nil, ErrCaveatParamCoding.Errorf(nil, "decoding the parameter of caveat %v: %w", c.Id, err)
	}
	return param, nil
}

// preparedCaveat is a caveat that remembers its decoded parameter, because
// blessings are validated for every call and decoding is the dear part.
type preparedCaveat struct {
	caveat Caveat
	// decoded is nil until the first validation. Failures are not kept: the kind
	// may yet be registered.
	decoded atomic.Pointer[decodedCaveat]
}

type decodedCaveat struct {
	kind  *caveatKind
	param any
}

// validate returns nil if the caveat holds in call.
func (p *preparedCaveat) validate(ctx *context.T, call Call) error {
	decoded, err := p.decode(ctx)
	if err != nil {
		return err
	}
	if err := decoded.kind.validate(ctx, call, decoded.param); err != nil {
		return ErrCaveatValidation.Errorf(ctx, "caveat does not hold: %w", err)
	}
	return nil
}

func (p *preparedCaveat) decode(ctx *context.T) (*decodedCaveat, error) {
	if decoded := p.decoded.Load(); decoded != nil {
		return decoded, nil
	}
	kind, ok := lookupKind(p.caveat.Id)
	if !ok {
		return nil, ErrCaveatNotRegistered.Errorf(ctx, "caveats of kind %v are not known here", p.caveat.Id)
	}
	param, err := kind.decode(p.caveat.ParamVom)
	if err != nil {
		return nil, ErrCaveatParamCoding.Errorf(ctx, "decoding the parameter of caveat %v: %w", p.caveat.Id, err)
	}
	decoded := &decodedCaveat{kind, param}
	p.decoded.Store(decoded)
	return decoded, nil
}
