package vom

import (
	"fmt"
	"io"
	"sync"

	"v.io/v23/vdl"
)

// TypeEncoder sends types, each once, and gives them ids. It may be shared by any number of Encoders, whose values then
// refer to types by id. All methods are safe for concurrent use.
type TypeEncoder struct {
	// sending serializes the definition of types. It is held while they are written, so that no value refers to a type
	// whose message was not written, but not while ids are looked up.
	sending sync.Mutex
	w       io.Writer // of a stream of types of its own, nil if the types are part of a stream of values
	started bool      // the version was written
	buf     []byte    // type messages that were not written yet
	failed  error

	mu   sync.RWMutex
	ids  map[*vdl.Type]typeID
	next typeID
}

// NewTypeEncoder returns a TypeEncoder that writes a stream of types to w.
func NewTypeEncoder(w io.Writer) *TypeEncoder {
	e := newInlineTypeEncoder()
	e.w = w
	return e
}

// newInlineTypeEncoder returns a TypeEncoder whose messages are taken by takeMessages.
func newInlineTypeEncoder() *TypeEncoder {
	return &TypeEncoder{ids: map[*vdl.Type]typeID{}, next: firstOwnID}
}

// lookup returns the id of a type that was sent, or 0.
func (e *TypeEncoder) lookup(t *vdl.Type) typeID {
	if id, ok := builtinIDs[t]; ok {
		return id
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.ids[t]
}

// encode returns the id of the type and sends the type and all it refers to if that did not happen yet.
func (e *TypeEncoder) encode(t *vdl.Type) (typeID, error) {
	if id := e.lookup(t); id != 0 {
		return id, nil
	}
	e.sending.Lock()
	defer e.sending.Unlock()
	if e.failed != nil {
		return 0, e.failed
	}
	if id := e.lookup(t); id != 0 {
		return id, nil // another goroutine was faster
	}
	d := definer{encoder: e, own: map[*vdl.Type]*definition{}, next: e.next}
	id := d.define(t)
	if e.w != nil {
		if err := e.flush(); err != nil {
			e.failed = fmt.Errorf("vom: cannot send type %s: %w", t.Name(), err)
			return 0, e.failed
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for t, def := range d.own {
		e.ids[t] = def.id
	}
	e.next = d.next
	return id, nil
}

// flush writes the pending type messages.
func (e *TypeEncoder) flush() error {
	data := e.buf
	if !e.started {
		data = append([]byte{byte(DefaultVersion)}, data...)
	}
	e.started, e.buf = true, nil
	_, err := e.w.Write(data)
	return err
}

// takeMessages appends the pending messages of an inline TypeEncoder to dst.
func (e *TypeEncoder) takeMessages(dst []byte) []byte {
	e.sending.Lock()
	defer e.sending.Unlock()
	dst = append(dst, e.buf...)
	e.buf = e.buf[:0]
	return dst
}

// definer writes the messages of the types that one type refers to. Parents get their ids before their children, but
// are written after them.
type definer struct {
	encoder *TypeEncoder
	own     map[*vdl.Type]*definition
	next    typeID
	depth   int
}

// definition is a type of the current graph.
type definition struct {
	id    typeID
	depth int  // in the recursion
	done  bool // its message was written

	// awaits is the outermost of the definitions that this one refers to and that were not written before it, or nil.
	// Invariant: its depth is less than this depth.
	awaits *definition
}

// pending returns the outermost definition that t waits for, or nil if t can be built from what was written.
func (def *definition) pending() *definition {
	if !def.done {
		return def
	}
	if def.awaits != nil {
		return def.awaits.pending()
	}
	return nil
}

func (d *definer) define(t *vdl.Type) typeID {
	if id := d.encoder.lookup(t); id != 0 {
		return id
	}
	if def := d.own[t]; def != nil {
		return def.id
	}
	def := &definition{id: d.next, depth: d.depth}
	d.next++
	d.own[t] = def
	d.depth++
	payload := d.describe(t)
	d.depth--
	def.awaits = d.outermost(t, def)
	def.done = true
	buf := d.encoder.buf
	if def.awaits != nil {
		buf = append(buf, controlIncomplete)
	}
	buf = appendInt(buf, -int64(def.id))
	buf = appendUint(buf, uint64(len(payload)))
	d.encoder.buf = append(buf, payload...)
	return def.id
}

// outermost returns the outermost definition that the children of t wait for, apart from t itself.
func (d *definer) outermost(t *vdl.Type, def *definition) *definition {
	var result *definition
	for _, child := range childrenOf(t) {
		childDef := d.own[child]
		if childDef == nil {
			continue
		}
		if p := childDef.pending(); p != nil && p.depth < def.depth && (result == nil || p.depth < result.depth) {
			result = p
		}
	}
	return result
}

// childrenOf returns the types that a type's description refers to, in the order it does so.
func childrenOf(t *vdl.Type) []*vdl.Type {
	switch t.Kind() {
	case vdl.Optional, vdl.Array, vdl.List:
		return []*vdl.Type{t.Elem()}
	case vdl.Set:
		return []*vdl.Type{t.Key()}
	case vdl.Map:
		return []*vdl.Type{t.Key(), t.Elem()}
	case vdl.Struct, vdl.Union:
		list := make([]*vdl.Type, t.NumField())
		for i := range list {
			list[i] = t.Field(i).Type
		}
		return list
	}
	return nil
}

// describe returns the description of the type, after it defined the types that the description refers to:
//
//	description = uint(variant) member* 0xe1    member = uint(index) value, if not zero
//
// The member 0 is the name. The others are, by variant: Named{1: base}, Enum{1: labels}, Array{1: elem, 2: length},
// List{1: elem}, Set{1: key}, Map{1: key, 2: elem}, Struct{1: fields}, Union{1: fields}, Optional{1: elem}, where a
// field is a struct {0: name, 1: type}.
func (d *definer) describe(t *vdl.Type) []byte {
	w := description{d, nil}
	switch t.Kind() {
	case vdl.Enum:
		w.begin(wireEnum, t)
		w.labels(t)
	case vdl.Array:
		w.begin(wireArray, t)
		w.member(1, t.Elem())
		w.buf = appendUint(append(w.buf, 2), uint64(t.Len()))
	case vdl.List:
		w.begin(wireList, t)
		w.member(1, t.Elem())
	case vdl.Set:
		w.begin(wireSet, t)
		w.member(1, t.Key())
	case vdl.Map:
		w.begin(wireMap, t)
		w.member(1, t.Key())
		w.member(2, t.Elem())
	case vdl.Struct:
		w.begin(wireStruct, t)
		w.fields(t)
	case vdl.Union:
		w.begin(wireUnion, t)
		w.fields(t)
	case vdl.Optional:
		w.begin(wireOptional, t)
		w.member(1, t.Elem())
	default:
		w.begin(wireNamed, t)
		w.member(1, baseOf(t))
	}
	return append(w.buf, controlEnd)
}

// baseOf returns the builtin type of the kind of a named scalar.
func baseOf(t *vdl.Type) *vdl.Type {
	for builtin := range builtinIDs {
		if builtin.Kind() == t.Kind() && builtin.Name() == "" {
			return builtin
		}
	}
	return vdl.AnyType
}

// description is a description that is being written.
type description struct {
	definer *definer
	buf     []byte
}

func (w *description) begin(variant int, t *vdl.Type) {
	w.buf = appendUint(w.buf, uint64(variant))
	if t.Name() != "" {
		w.buf = appendString(append(w.buf, 0), t.Name())
	}
}

func (w *description) member(index byte, t *vdl.Type) {
	id := w.definer.define(t)
	w.buf = appendUint(append(w.buf, index), uint64(id))
}

func (w *description) labels(t *vdl.Type) {
	w.buf = appendUint(append(w.buf, 1), uint64(t.NumEnumLabel()))
	for i := range t.NumEnumLabel() {
		w.buf = appendString(w.buf, t.EnumLabel(i))
	}
}

func (w *description) fields(t *vdl.Type) {
	if t.NumField() == 0 {
		return
	}
	w.buf = appendUint(append(w.buf, 1), uint64(t.NumField()))
	for i := range t.NumField() {
		w.buf = appendString(append(w.buf, 0), t.Field(i).Name)
		w.member(1, t.Field(i).Type)
		w.buf = append(w.buf, controlEnd)
	}
}
