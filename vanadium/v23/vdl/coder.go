package vdl

// Writer is implemented by values that encode themselves, usually by generated code.
type Writer interface {
	// VDLWrite writes exactly one value to the encoder.
	VDLWrite(Encoder) error
}

// Reader is implemented by pointers to values that decode themselves, usually by generated code.
type Reader interface {
	// VDLRead reads exactly one value from the decoder and replaces the receiver by it.
	VDLRead(Decoder) error
}

// IsZeroer is implemented by values that know whether they are the zero value of their type. Zero fields of structs are
// not encoded.
type IsZeroer interface {
	VDLIsZero() bool
}

// ReadWriter is implemented by pointers to values that both encode and decode themselves.
type ReadWriter interface {
	Reader
	Writer
}

// Encoder receives the parts of values in depth-first order. A value is either a scalar, written as StartValue, one
// Encode call and FinishValue; or a composite, written as StartValue, then for each entry NextEntry(false) or for each
// field NextField(index) followed by the entry's or field's value, then NextEntry(true) or NextField(-1), then
// FinishValue. The keys and elements of a map are separate values after one NextEntry. The fused calls do all calls for
// one scalar at once. A value of type any is written as the value it holds.
//
// An Encoder is used by one goroutine. After an error its stream is unusable.
type Encoder interface {
	// SetNextStartValueIsOptional says that the next StartValue begins the element of an optional that is not nil.
	SetNextStartValueIsOptional()
	// StartValue begins a value of type tt, which is never any.
	StartValue(tt *Type) error
	// FinishValue ends the value begun by the matching StartValue.
	FinishValue() error
	// NilValue writes a whole nil value; tt is any or an optional.
	NilValue(tt *Type) error
	// NextEntry begins the next entry of an array, list, set or map, or ends the entries if done is true.
	NextEntry(done bool) error
	// NextField begins the field of the index in a struct or union, or ends the fields if the index is -1.
	NextField(index int) error
	// SetLenHint announces the number of entries of a list, set or map, after StartValue and before the first entry.
	SetLenHint(lenHint int) error

	// EncodeBool writes the scalar of a bool.
	EncodeBool(value bool) error
	// EncodeString writes the scalar of a string or the label of an enum.
	EncodeString(value string) error
	// EncodeUint writes the scalar of a byte or an unsigned integer.
	EncodeUint(value uint64) error
	// EncodeInt writes the scalar of a signed integer.
	EncodeInt(value int64) error
	// EncodeFloat writes the scalar of a float.
	EncodeFloat(value float64) error
	// EncodeTypeObject writes the scalar of a typeobject.
	EncodeTypeObject(value *Type) error
	// EncodeBytes writes all entries of a list or array of bytes. The slice is not kept.
	EncodeBytes(value []byte) error

	// WriteValueBool writes a whole bool of type tt.
	WriteValueBool(tt *Type, value bool) error
	// WriteValueString writes a whole string or enum of type tt.
	WriteValueString(tt *Type, value string) error
	// WriteValueUint writes a whole byte or unsigned integer of type tt.
	WriteValueUint(tt *Type, value uint64) error
	// WriteValueInt writes a whole signed integer of type tt.
	WriteValueInt(tt *Type, value int64) error
	// WriteValueFloat writes a whole float of type tt.
	WriteValueFloat(tt *Type, value float64) error
	// WriteValueTypeObject writes a whole typeobject.
	WriteValueTypeObject(value *Type) error
	// WriteValueBytes writes a whole list or array of bytes of type tt. The slice is not kept.
	WriteValueBytes(tt *Type, value []byte) error

	// NextEntryValueBool is NextEntry(false) and WriteValueBool.
	NextEntryValueBool(tt *Type, value bool) error
	// NextEntryValueString is NextEntry(false) and WriteValueString.
	NextEntryValueString(tt *Type, value string) error
	// NextEntryValueUint is NextEntry(false) and WriteValueUint.
	NextEntryValueUint(tt *Type, value uint64) error
	// NextEntryValueInt is NextEntry(false) and WriteValueInt.
	NextEntryValueInt(tt *Type, value int64) error
	// NextEntryValueFloat is NextEntry(false) and WriteValueFloat.
	NextEntryValueFloat(tt *Type, value float64) error
	// NextEntryValueTypeObject is NextEntry(false) and WriteValueTypeObject.
	NextEntryValueTypeObject(value *Type) error
	// NextEntryValueBytes is NextEntry(false) and WriteValueBytes.
	NextEntryValueBytes(tt *Type, value []byte) error

	// NextFieldValueBool is NextField(index) and WriteValueBool.
	NextFieldValueBool(index int, tt *Type, value bool) error
	// NextFieldValueString is NextField(index) and WriteValueString.
	NextFieldValueString(index int, tt *Type, value string) error
	// NextFieldValueUint is NextField(index) and WriteValueUint.
	NextFieldValueUint(index int, tt *Type, value uint64) error
	// NextFieldValueInt is NextField(index) and WriteValueInt.
	NextFieldValueInt(index int, tt *Type, value int64) error
	// NextFieldValueFloat is NextField(index) and WriteValueFloat.
	NextFieldValueFloat(index int, tt *Type, value float64) error
	// NextFieldValueTypeObject is NextField(index) and WriteValueTypeObject.
	NextFieldValueTypeObject(index int, value *Type) error
	// NextFieldValueBytes is NextField(index) and WriteValueBytes.
	NextFieldValueBytes(index int, tt *Type, value []byte) error
}

// Decoder hands out the parts of values in the order they were encoded, with the calls of Encoder mirrored. The type
// of the encoded value may differ from the type that is asked for, as long as the two are Compatible: numbers convert
// if no information is lost, strings and enums by label, lists and arrays by position, and structs by field name,
// which the caller does with Type and FieldIndexByName. Values of any and optionals are looked through: between
// StartValue and FinishValue the decoder stands on the value inside, unless it is nil.
//
// A Decoder is used by one goroutine. After an error its stream is unusable.
type Decoder interface {
	// StartValue begins the next value; an error is returned if its type is not Compatible with want.
	StartValue(want *Type) error
	// FinishValue ends the value begun by the matching StartValue. All its entries and fields must have been read.
	FinishValue() error
	// SkipValue skips the next value, which was not begun.
	SkipValue() error
	// IgnoreNextStartValue makes the next StartValue do nothing, because the value was begun already: a reader that had
	// to look at IsNil hands the value on to a reader that begins it.
	IgnoreNextStartValue()
	// NextEntry moves to the next entry of an array, list, set or map, or returns true after the last.
	NextEntry() (done bool, _ error)
	// NextField moves to the next field of a struct or union and returns its index in Type, or -1 after the last.
	NextField() (int, error)

	// Type returns the type of the value begun last: the type inside for any and optionals that are not nil. It is nil
	// if no value is begun.
	Type() *Type
	// IsAny reports whether the value begun last was encoded as the content of an any.
	IsAny() bool
	// IsOptional reports whether the value begun last was encoded as an optional.
	IsOptional() bool
	// IsNil reports whether the value begun last is nil.
	IsNil() bool
	// Index returns the index of the current entry or field, or -1 before the first.
	Index() int
	// LenHint returns the number of entries of an array, list, set or map if known, and otherwise -1. The number is
	// checked against the bytes that remain, so it is safe to allocate that many entries of moderate size.
	LenHint() int

	// DecodeBool returns the scalar of a bool.
	DecodeBool() (bool, error)
	// DecodeString returns the scalar of a string or the label of an enum.
	DecodeString() (string, error)
	// DecodeUint returns a number as an unsigned integer of bitlen bits.
	DecodeUint(bitlen int) (uint64, error)
	// DecodeInt returns a number as a signed integer of bitlen bits.
	DecodeInt(bitlen int) (int64, error)
	// DecodeFloat returns a number as a float of bitlen bits.
	DecodeFloat(bitlen int) (float64, error)
	// DecodeTypeObject returns the scalar of a typeobject.
	DecodeTypeObject() (*Type, error)
	// DecodeBytes reads all entries of a list or array of bytes. With fixedLen >= 0 exactly that many bytes are copied
	// to *value, which must have that length; otherwise *value is replaced by a slice that the caller owns.
	DecodeBytes(fixedLen int, value *[]byte) error

	// ReadValueBool reads a whole bool.
	ReadValueBool() (bool, error)
	// ReadValueString reads a whole string or the label of an enum.
	ReadValueString() (string, error)
	// ReadValueUint reads a whole number as an unsigned integer of bitlen bits.
	ReadValueUint(bitlen int) (uint64, error)
	// ReadValueInt reads a whole number as a signed integer of bitlen bits.
	ReadValueInt(bitlen int) (int64, error)
	// ReadValueFloat reads a whole number as a float of bitlen bits.
	ReadValueFloat(bitlen int) (float64, error)
	// ReadValueTypeObject reads a whole typeobject.
	ReadValueTypeObject() (*Type, error)
	// ReadValueBytes reads a whole list or array of bytes as DecodeBytes does.
	ReadValueBytes(fixedLen int, value *[]byte) error

	// NextEntryValueBool is NextEntry and, unless done, ReadValueBool.
	NextEntryValueBool() (done bool, _ bool, _ error)
	// NextEntryValueString is NextEntry and, unless done, ReadValueString.
	NextEntryValueString() (done bool, _ string, _ error)
	// NextEntryValueUint is NextEntry and, unless done, ReadValueUint.
	NextEntryValueUint(bitlen int) (done bool, _ uint64, _ error)
	// NextEntryValueInt is NextEntry and, unless done, ReadValueInt.
	NextEntryValueInt(bitlen int) (done bool, _ int64, _ error)
	// NextEntryValueFloat is NextEntry and, unless done, ReadValueFloat.
	NextEntryValueFloat(bitlen int) (done bool, _ float64, _ error)
	// NextEntryValueTypeObject is NextEntry and, unless done, ReadValueTypeObject.
	NextEntryValueTypeObject() (done bool, _ *Type, _ error)
}
