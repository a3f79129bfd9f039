package vom

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sync"

	"v.io/v23/vdl"
)

// Encoder writes values to a stream. It is used by one goroutine at a time.
type Encoder struct {
	enc *encoder
}

// NewEncoder returns an Encoder that writes types and values to w. Each value is one Write, unless types precede it.
func NewEncoder(w io.Writer) *Encoder {
	return &Encoder{newEncoder(w, newInlineTypeEncoder(), true)}
}

// NewEncoderWithTypeEncoder returns an Encoder that writes values to w and has their types sent by the TypeEncoder.
func NewEncoderWithTypeEncoder(w io.Writer, types *TypeEncoder) *Encoder {
	return &Encoder{newEncoder(w, types, false)}
}

// Encode writes the value. If it fails before anything was written, because the value cannot be encoded, the stream
// stays usable.
func (e *Encoder) Encode(v any) error {
	e.enc.reset()
	if err := vdl.Write(e.enc, v); err != nil {
		e.enc.reset()
		return err
	}
	if len(e.enc.stack) > 0 || e.enc.begun {
		e.enc.reset()
		return fmt.Errorf("vom: the VDLWrite of %T did not write exactly one value", v)
	}
	return nil
}

// Encoder returns the seam for values that write themselves. Each top-level value is sent when it is finished.
func (e *Encoder) Encoder() vdl.Encoder { return e.enc }

// Encode returns the stream that consists of the one value.
func Encode(v any) ([]byte, error) {
	var out outputBuffer
	if err := NewEncoder(&out).Encode(v); err != nil {
		return nil, err
	}
	return out, nil
}

// outputBuffer keeps the one message it is written, whose bytes the encoder does not reuse.
type outputBuffer []byte

// Write takes over the bytes, which the package's encoder allows after its last message.
func (b *outputBuffer) Write(data []byte) (int, error) {
	if *b == nil {
		*b = data
	} else {
		*b = append(*b, data...)
	}
	return len(data), nil
}

// encoder is the vdl.Encoder of the format. It builds a message in memory, because the tables and the length in front
// of the value are only known at its end:
//
//	buf = gap | value        // the gap has room for what is in front, so that the value is not copied
type encoder struct {
	w      io.Writer
	types  *TypeEncoder
	inline bool // the types are part of the stream
	begun  bool // a message is being built
	sent   bool // the version was written

	buf    []byte
	large  bool   // the last message outgrew maxKeptBuffer, so the next one may
	front  []byte // what is in front of the value, reused
	gap    int
	root   *vdl.Type // type of the message
	rootID typeID
	tables
	optional bool // the next value is the element of an optional

	stack []encFrame
}

// tables are what a message refers to by index.
type tables struct {
	tableOf []*vdl.Type // the type table, as types and as ids
	table   []typeID
	anyLens []uint64
}

// encFrame is a value that is begun.
type encFrame struct {
	tt     *vdl.Type // not optional
	index  int       // of the current entry or field, -1 before the first
	isElem bool      // the key of the current map entry was written
	anyLen int       // index into anyLens if the value is in an any, else -1
	start  int       // of the value in buf
	lenAt  int       // where the number of entries belongs, if it was not announced, else -1
	hint   int       // announced number of entries, else -1
}

// defaultGap is the room in front of a value.
const defaultGap = 64

// maxKeptBuffer bounds the buffer that an encoder keeps between messages.
const maxKeptBuffer = 64 << 10

func newEncoder(w io.Writer, types *TypeEncoder, inline bool) *encoder {
	return &encoder{w: w, types: types, inline: inline}
}

// reset drops a message that was not finished.
func (e *encoder) reset() {
	e.begun, e.optional = false, false
	e.stack = e.stack[:0]
	clear(e.tableOf)
	e.tableOf, e.table, e.anyLens = e.tableOf[:0], e.table[:0], e.anyLens[:0]
	if _, once := e.w.(*outputBuffer); once {
		e.buf = nil // It belongs to the caller of Encode now.
	} else if cap(e.buf) > maxKeptBuffer {
		e.large = true
		lendLarge(e.buf)
		e.buf = nil
	}
	e.buf = e.buf[:0]
}

// largeBuffers holds buffers above maxKeptBuffer that no message is in, for all encoders: each of
// them needs one only while it encodes, because a writer may not keep what it is given.
var largeBuffers sync.Pool

// maxLargeBuffer bounds the buffers that are held for reuse.
const maxLargeBuffer = 4 << 20

func lendLarge(buf []byte) {
	if cap(buf) <= maxLargeBuffer {
		buf = buf[:0]
		largeBuffers.Put(&buf)
	}
}

// takeLarge returns a large buffer, nil when none is held.
func takeLarge() []byte {
	if buf, ok := largeBuffers.Get().(*[]byte); ok {
		return *buf
	}
	return nil
}

// begin starts a message of the type.
func (e *encoder) begin(tt *vdl.Type) error {
	id, err := e.types.encode(tt)
	if err != nil {
		return err
	}
	e.reset()
	e.begun, e.root, e.rootID = true, tt, id
	e.gap = defaultGap
	if e.inline {
		e.types.sending.Lock()
		e.gap += len(e.types.buf)
		e.types.sending.Unlock()
	}
	if e.buf == nil && e.large {
		e.buf, e.large = takeLarge(), false
	}
	if cap(e.buf) < e.gap {
		e.buf = make([]byte, e.gap, 2*e.gap+defaultGap)
	}
	e.buf = e.buf[:e.gap]
	return nil
}

// finish writes the message.
func (e *encoder) finish() error {
	valueLen := len(e.buf) - e.gap
	if valueLen > maxMessageLen {
		return fmt.Errorf("vom: value of %d bytes is longer than the limit of %d bytes", valueLen, maxMessageLen)
	}
	e.begun = false
	front := e.front[:0]
	if !e.sent {
		front = append(front, byte(DefaultVersion))
	}
	if e.inline {
		front = e.types.takeMessages(front)
	}
	front = appendInt(front, int64(e.rootID))
	if hasTypeTable(e.root) {
		front = appendUint(front, uint64(len(e.table)))
		for _, id := range e.table {
			front = appendUint(front, uint64(id))
		}
	}
	if hasAnyTable(e.root) {
		front = appendUint(front, uint64(len(e.anyLens)))
		for _, n := range e.anyLens {
			front = appendUint(front, n)
		}
	}
	if hasLength(e.root) {
		front = appendUint(front, uint64(valueLen))
	}
	e.front = front
	message := e.message(front)
	e.sent = true
	defer e.reset()
	if _, err := e.w.Write(message); err != nil {
		return fmt.Errorf("vom: cannot write a message of %d bytes: %w", len(message), err)
	}
	return nil
}

// message joins the front and the value, in the gap if the front fits.
func (e *encoder) message(front []byte) []byte {
	if start := e.gap - len(front); start >= 0 {
		copy(e.buf[start:], front)
		return e.buf[start:]
	}
	return slices.Concat(front, e.buf[e.gap:])
}

// expected returns the type that the context demands of the next value. Inside no value it is the type itself.
func (e *encoder) expected(tt *vdl.Type) (*vdl.Type, error) {
	if len(e.stack) == 0 {
		return tt, nil
	}
	frame := &e.stack[len(e.stack)-1]
	if frame.index < 0 {
		return nil, fmt.Errorf("vom: a value inside %v was written before its entry or field", frame.tt)
	}
	switch frame.tt.Kind() {
	case vdl.Struct, vdl.Union:
		return frame.tt.Field(frame.index).Type, nil
	case vdl.Array, vdl.List:
		return frame.tt.Elem(), nil
	case vdl.Set:
		return frame.tt.Key(), nil
	case vdl.Map:
		frame.isElem = !frame.isElem
		if frame.isElem {
			return frame.tt.Key(), nil
		}
		return frame.tt.Elem(), nil
	}
	return nil, fmt.Errorf("vom: a value of %v was written into a scalar of %v", tt, frame.tt)
}

// enter writes what precedes a value of type tt, which may be an optional, and returns the index of its any length, or
// -1 if it is not in an any.
func (e *encoder) enter(tt *vdl.Type) (anyLen int, _ error) {
	want, err := e.expected(tt)
	if err != nil {
		return -1, err
	}
	if len(e.stack) == 0 {
		if err := e.begin(tt); err != nil {
			return -1, err
		}
	}
	switch {
	case want == tt:
		return -1, nil
	case want != vdl.AnyType:
		return -1, fmt.Errorf("vom: a value of %v was written where %v is expected", tt, want)
	}
	index, err := e.tableIndex(tt)
	if err != nil {
		return -1, err
	}
	e.buf = appendUint(e.buf, uint64(index))
	e.buf = appendUint(e.buf, uint64(len(e.anyLens)))
	e.anyLens = append(e.anyLens, 0)
	return len(e.anyLens) - 1, nil
}

// tableIndex returns the index of the type in the type table, where it is added if necessary.
func (e *encoder) tableIndex(tt *vdl.Type) (int, error) {
	for i, known := range e.tableOf {
		if known == tt {
			return i, nil
		}
	}
	id, err := e.types.encode(tt)
	if err != nil {
		return 0, err
	}
	e.tableOf, e.table = append(e.tableOf, tt), append(e.table, id)
	return len(e.table) - 1, nil
}

// leave ends a value that enter began at start.
func (e *encoder) leave(anyLen, start int) error {
	if anyLen >= 0 {
		e.anyLens[anyLen] = uint64(len(e.buf) - start)
	}
	if len(e.stack) == 0 {
		return e.finish()
	}
	return nil
}

// takeOptional returns the type that a value of type tt has in the stream: the optional of it, if that was announced.
func (e *encoder) takeOptional(tt *vdl.Type) *vdl.Type {
	if !e.optional {
		return tt
	}
	e.optional = false
	return vdl.OptionalType(tt.NonOptional())
}

func (e *encoder) SetNextStartValueIsOptional() { e.optional = true }

func (e *encoder) StartValue(tt *vdl.Type) error {
	if len(e.stack) >= maxNesting {
		return errNesting
	}
	anyLen, err := e.enter(e.takeOptional(tt))
	if err != nil {
		return err
	}
	tt = tt.NonOptional()
	frame := encFrame{tt: tt, index: -1, anyLen: anyLen, start: len(e.buf), lenAt: -1, hint: -1}
	switch tt.Kind() {
	case vdl.Array:
		frame.hint = tt.Len()
		e.buf = append(e.buf, 0)
	case vdl.List, vdl.Set, vdl.Map:
		frame.lenAt = len(e.buf)
	}
	e.stack = append(e.stack, frame)
	return nil
}

func (e *encoder) FinishValue() error {
	frame, err := e.top()
	if err != nil {
		return err
	}
	anyLen, start := frame.anyLen, frame.start
	if frame.lenAt >= 0 || len(e.buf) == start && frame.tt.Kind() != vdl.Struct {
		return fmt.Errorf("vom: a value of %v was finished before it was written", frame.tt)
	}
	e.stack = e.stack[:len(e.stack)-1]
	return e.leave(anyLen, start)
}

func (e *encoder) NilValue(tt *vdl.Type) error {
	if e.optional = false; !tt.CanBeNil() {
		return fmt.Errorf("vom: values of %v cannot be nil", tt)
	}
	anyLen, err := e.enter(tt)
	if err != nil {
		return err
	}
	start := len(e.buf)
	e.buf = append(e.buf, controlNil)
	return e.leave(anyLen, start)
}

func (e *encoder) top() (*encFrame, error) {
	if len(e.stack) == 0 {
		return nil, fmt.Errorf("vom: no value is begun")
	}
	return &e.stack[len(e.stack)-1], nil
}

func (e *encoder) NextEntry(done bool) error {
	frame, err := e.top()
	if err != nil {
		return err
	}
	if !done {
		frame.index++
		frame.isElem = false
		return nil
	}
	count := frame.index + 1
	if frame.hint >= 0 && frame.hint != count {
		return fmt.Errorf("vom: %d entries of %v were announced but %d were written", frame.hint, frame.tt, count)
	}
	if frame.lenAt >= 0 {
		// The number was not announced, so room for it must be made.
		e.buf = append(e.buf[:frame.lenAt],
			append(appendUint(nil, uint64(count)), bytes.Clone(e.buf[frame.lenAt:])...)...)
		frame.lenAt = -1
	}
	return nil
}

func (e *encoder) NextField(index int) error {
	frame, err := e.top()
	if err != nil {
		return err
	}
	kind := frame.tt.Kind()
	switch {
	case kind != vdl.Struct && kind != vdl.Union || index < -1 || index >= frame.tt.NumField():
		return fmt.Errorf("vom: %v has no field %d", frame.tt, index)
	case index >= 0:
		e.buf = appendUint(e.buf, uint64(index))
		frame.index = index
	case kind == vdl.Struct:
		e.buf = append(e.buf, controlEnd)
	}
	return nil
}

func (e *encoder) SetLenHint(n int) error {
	frame, err := e.top()
	if err != nil {
		return err
	}
	if frame.lenAt < 0 || frame.index >= 0 || n < 0 {
		return fmt.Errorf("vom: %d entries were announced for %v at the wrong moment", n, frame.tt)
	}
	e.buf = appendUint(e.buf, uint64(n))
	frame.lenAt, frame.hint = -1, n
	return nil
}
