package vom

import (
	"fmt"
	"io"

	"v.io/v23/vdl"
)

// Decoder reads values from a stream. It is used by one goroutine at a time.
type Decoder struct {
	dec *decoder
}

// NewDecoder returns a Decoder that reads types and values from r. It may read further than the values it returned.
func NewDecoder(r io.Reader) *Decoder {
	return &Decoder{newDecoder(&source{r: r}, newInlineTypeDecoder())}
}

// NewDecoderWithTypeDecoder returns a Decoder that reads values from r and has their types received by the TypeDecoder.
// It may read further than the values it returned.
func NewDecoderWithTypeDecoder(r io.Reader, types *TypeDecoder) *Decoder {
	return &Decoder{newDecoder(&source{r: r}, types)}
}

// Decode reads the next value and stores it in what v points to. It returns io.EOF at the end of the stream. If the
// value was received but does not fit into v, it is dropped and the next can be decoded; after any other error the
// stream is unusable.
func (d *Decoder) Decode(v any) error {
	d.dec.drop()
	err := vdl.Read(d.dec, v)
	if err == nil && len(d.dec.stack) > 0 {
		err = fmt.Errorf("vom: the VDLRead of %T did not read exactly one value", v)
	}
	d.dec.drop()
	return err
}

// Decoder returns the seam for values that read themselves.
func (d *Decoder) Decoder() vdl.Decoder { return d.dec }

// Decode stores the first value of the stream in what v points to. The bytes are not kept. Bytes after the value are an
// error.
func Decode(data []byte, v any) error {
	src := &source{buf: data}
	d := &Decoder{newDecoder(src, newInlineTypeDecoder())}
	if err := d.Decode(v); err != nil {
		return noEOF(err)
	}
	if rest := len(src.buf) - src.pos; rest > 0 {
		return fmt.Errorf("vom: %d bytes follow the value", rest)
	}
	return nil
}

// decoder is the vdl.Decoder of the format. It walks over one message in memory.
type decoder struct {
	src   *source // nil if there is nothing but the one message, which is set then
	types *TypeDecoder

	root    *vdl.Type // type of the message, nil if no message was begun
	body    []byte    // the value of the message
	pos     int       // in body
	table   []*vdl.Type
	anyLens []uint64

	stack  []decFrame
	ignore bool // the next StartValue
}

// decFrame is a value that is begun.
type decFrame struct {
	tt         *vdl.Type // looked through any and optional, unless the value is nil
	index      int       // of the current entry or field, -1 before the first
	count      int       // of entries, -1 if the value has none
	end        int       // in body, if the value is in an any, else -1
	isAny      bool
	isOptional bool
	isNil      bool
	isElem     bool // the key of the current map entry was begun
	isDone     bool // the last field was passed
}

func newDecoder(src *source, types *TypeDecoder) *decoder { return &decoder{src: src, types: types} }

// drop leaves the message that was begun.
func (d *decoder) drop() {
	d.root, d.body, d.pos = nil, nil, 0
	d.stack, d.ignore = d.stack[:0], false
}

// receive reads the next value message, and the types before it.
func (d *decoder) receive() error {
	if d.src == nil {
		if d.root == nil {
			return io.EOF
		}
		return nil // the message of RawBytes
	}
	for {
		h, err := d.src.header()
		if err != nil {
			return err
		}
		if h.id > 0 {
			return noEOF(d.receiveValue(typeID(h.id)))
		}
		if err := d.types.defineInline(d.src, h); err != nil {
			return err
		}
	}
}

func (d *decoder) receiveValue(id typeID) error {
	tt, err := d.types.lookup(id)
	if err != nil {
		return err
	}
	d.table, d.anyLens = d.table[:0], d.anyLens[:0]
	if hasTypeTable(tt) {
		if err := d.receiveTable(d.addType); err != nil {
			return err
		}
	}
	if hasAnyTable(tt) {
		add := func(n uint64) error {
			d.anyLens = append(d.anyLens, n)
			return nil
		}
		if err := d.receiveTable(add); err != nil {
			return err
		}
	}
	if d.body, err = d.src.value(tt); err != nil {
		return err
	}
	d.root, d.pos = tt, 0
	return nil
}

func (d *decoder) addType(id uint64) error {
	tt, err := d.types.lookup(typeID(id))
	d.table = append(d.table, tt)
	return err
}

// maxTable bounds the entries of the tables of a message.
const maxTable = 1 << 20

func (d *decoder) receiveTable(add func(uint64) error) error {
	n, err := d.src.uint()
	if err != nil {
		return err
	}
	if n > maxTable {
		return fmt.Errorf("vom: message has a table of %d entries, the limit is %d", n, maxTable)
	}
	for range n {
		x, err := d.src.uint()
		if err != nil {
			return err
		}
		if err := add(x); err != nil {
			return err
		}
	}
	return nil
}

// expected returns the type that the next value has in the stream. Inside no value it reads the next message.
func (d *decoder) expected() (*vdl.Type, error) {
	if len(d.stack) == 0 {
		if err := d.receive(); err != nil {
			return nil, err
		}
		return d.root, nil
	}
	frame := &d.stack[len(d.stack)-1]
	if frame.index < 0 || frame.isNil {
		return nil, fmt.Errorf("vom: a value inside %v was asked for before its entry or field", frame.tt)
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
	return nil, fmt.Errorf("vom: a value of %v has no values inside", frame.tt)
}

func (d *decoder) StartValue(want *vdl.Type) error {
	if d.ignore {
		d.ignore = false
		return nil
	}
	tt, err := d.expected()
	if err != nil {
		return err
	}
	return d.start(tt, want)
}

// start begins a value that has the type tt in the stream.
func (d *decoder) start(tt, want *vdl.Type) error {
	if len(d.stack) >= maxNesting {
		return errNesting
	}
	frame := decFrame{index: -1, count: -1, end: -1}
	if tt.Kind() == vdl.Any {
		frame.isAny = true
		if d.takeNil() {
			frame.isNil = true
		} else {
			var err error
			if tt, frame.end, err = d.anyHeader(); err != nil {
				return err
			}
		}
	}
	if tt.Kind() == vdl.Optional {
		frame.isOptional = true
		if d.takeNil() {
			frame.isNil = true
		} else {
			tt = tt.Elem()
		}
	}
	if err := vdl.CheckReadable(tt, want); err != nil {
		return err
	}
	frame.tt = tt
	var err error
	if !frame.isNil {
		frame.count, err = d.entries(tt)
	}
	d.stack = append(d.stack, frame)
	return err
}

// takeNil takes the nil that stands here, if one does.
func (d *decoder) takeNil() bool {
	if d.pos < len(d.body) && d.body[d.pos] == controlNil {
		d.pos++
		return true
	}
	return false
}

// anyHeader takes the type and the length of a value in an any, and returns the type and the position of the value's
// end.
func (d *decoder) anyHeader() (*vdl.Type, int, error) {
	typeIndex, err := d.uint()
	if err != nil {
		return nil, 0, err
	}
	lenIndex, err := d.uint()
	if err != nil {
		return nil, 0, err
	}
	if typeIndex >= uint64(len(d.table)) || lenIndex >= uint64(len(d.anyLens)) {
		return nil, 0, fmt.Errorf("vom: any refers to type %d of %d and to length %d of %d",
			typeIndex, len(d.table), lenIndex, len(d.anyLens))
	}
	tt, length := d.table[typeIndex], d.anyLens[lenIndex]
	if length > uint64(len(d.body)-d.pos) {
		return nil, 0, errTruncated
	}
	if tt.Kind() == vdl.Any {
		return nil, 0, fmt.Errorf("vom: any holds a value of the type any")
	}
	return tt, d.pos + int(length), nil
}

// entries takes the number of entries of a value, which is -1 if it has none.
func (d *decoder) entries(tt *vdl.Type) (int, error) {
	switch tt.Kind() {
	case vdl.Array, vdl.List, vdl.Set, vdl.Map:
	default:
		return -1, nil
	}
	n, err := d.uint()
	if err != nil {
		return -1, err
	}
	if tt.Kind() == vdl.Array {
		if n != 0 {
			return -1, fmt.Errorf("vom: array begins with %d instead of 0", n)
		}
		n = uint64(tt.Len())
	}
	// Each entry occupies at least one byte.
	if n > uint64(len(d.body)-d.pos) {
		return -1, errTruncated
	}
	return int(n), nil
}

func (d *decoder) uint() (uint64, error) {
	x, n, err := parseUint(d.body[d.pos:])
	d.pos += n
	return x, err
}

func (d *decoder) FinishValue() error {
	frame, err := d.top()
	if err != nil {
		return err
	}
	if frame.end >= 0 && frame.end != d.pos {
		return fmt.Errorf("vom: any ends at byte %d but its value at byte %d", frame.end, d.pos)
	}
	d.stack = d.stack[:len(d.stack)-1]
	return d.finishMessage()
}

// finishMessage leaves the message if its value is finished.
func (d *decoder) finishMessage() error {
	if len(d.stack) > 0 {
		return nil
	}
	rest := len(d.body) - d.pos
	d.drop()
	if rest > 0 {
		return fmt.Errorf("vom: message has %d bytes that do not belong to its value", rest)
	}
	return nil
}

func (d *decoder) top() (*decFrame, error) {
	if len(d.stack) == 0 {
		return nil, fmt.Errorf("vom: no value is begun")
	}
	return &d.stack[len(d.stack)-1], nil
}

func (d *decoder) IgnoreNextStartValue() { d.ignore = true }

func (d *decoder) NextEntry() (bool, error) {
	frame, err := d.top()
	if err != nil {
		return false, err
	}
	if frame.count < 0 {
		return false, fmt.Errorf("vom: a value of %v has no entries", frame.tt)
	}
	frame.index++
	frame.isElem = false
	return frame.index >= frame.count, nil
}

func (d *decoder) NextField() (int, error) {
	frame, err := d.top()
	if err != nil {
		return -1, err
	}
	kind := frame.tt.Kind()
	if frame.isNil || kind != vdl.Struct && kind != vdl.Union {
		return -1, fmt.Errorf("vom: a value of %v has no fields", frame.tt)
	}
	if frame.isDone || kind == vdl.Union && frame.index >= 0 {
		frame.isDone = true
		return -1, nil
	}
	if kind == vdl.Struct && d.pos < len(d.body) && d.body[d.pos] == controlEnd {
		d.pos++
		frame.isDone = true
		return -1, nil
	}
	index, err := d.uint()
	if err != nil {
		return -1, err
	}
	if index >= uint64(frame.tt.NumField()) {
		return -1, fmt.Errorf("vom: %v has no field %d", frame.tt, index)
	}
	frame.index = int(index)
	return frame.index, nil
}

func (d *decoder) Type() *vdl.Type {
	if frame, err := d.top(); err == nil {
		return frame.tt
	}
	return nil
}

func (d *decoder) IsAny() bool {
	frame, err := d.top()
	return err == nil && frame.isAny
}

func (d *decoder) IsOptional() bool {
	frame, err := d.top()
	return err == nil && frame.isOptional
}

func (d *decoder) IsNil() bool {
	frame, err := d.top()
	return err == nil && frame.isNil
}

func (d *decoder) Index() int {
	if frame, err := d.top(); err == nil {
		return frame.index
	}
	return -1
}

func (d *decoder) LenHint() int {
	if frame, err := d.top(); err == nil {
		return frame.count
	}
	return -1
}
