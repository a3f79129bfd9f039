package vom

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"v.io/v23/vdl"
)

// Limits of a stream of types. They bound the memory that a peer can occupy for the life of a connection.
const (
	maxTypes       = 1 << 14
	maxTypeMessage = 1 << 20  // bytes of one type message
	maxTypeBytes   = 16 << 20 // bytes of all type messages, and of the descriptions of the types they define
)

// TypeDecoder receives types. It may be shared by any number of Decoders. All methods are safe for concurrent use.
//
// The stream of types is read when a value is decoded whose type is not known yet, and that blocks until the type
// arrives or the stream fails. A sender blocks on types that nobody waits for if the stream does not buffer them: then
// Start has them read as they arrive.
type TypeDecoder struct {
	// src and the other members up to size belong to the goroutine that set receiving.
	src     *source // of types on a stream of their own, nil if the types are part of a stream of values
	waiting map[typeID]*typeMessage
	count   int // of types
	size    int // bytes of type messages and of descriptions

	mu        sync.Mutex // guards the members below
	changed   sync.Cond  // one of them changed
	receiving bool       // a goroutine reads the stream of types
	started   bool
	failed    error
	types     map[typeID]*vdl.Type
}

// NewTypeDecoder returns a TypeDecoder that reads a stream of types from r.
func NewTypeDecoder(r io.Reader) *TypeDecoder {
	d := newInlineTypeDecoder()
	d.src = &source{r: r}
	return d
}

func newInlineTypeDecoder() *TypeDecoder {
	d := &TypeDecoder{types: map[typeID]*vdl.Type{}, waiting: map[typeID]*typeMessage{}}
	d.changed.L = &d.mu
	return d
}

// Start has a goroutine read the types as they arrive. It ends when the stream does or fails, so closing the reader
// given to NewTypeDecoder ends it; Stop waits for that. Starting twice does nothing.
func (d *TypeDecoder) Start() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.started || d.src == nil {
		return
	}
	d.started = true
	go func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for d.failed == nil {
			d.progress()
		}
		d.started = false
		d.changed.Broadcast()
	}()
}

// Stop waits until the goroutine of Start ended, if there is one. The reader must be closed before or meanwhile.
func (d *TypeDecoder) Stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.started {
		d.changed.Wait()
	}
}

// progress reads one type message, or waits until another goroutine did. The decoder must be locked, and is while
// progress returns, but not meanwhile.
func (d *TypeDecoder) progress() {
	if d.receiving {
		d.changed.Wait()
		return
	}
	d.receiving = true
	d.mu.Unlock()
	err := d.receive()
	d.mu.Lock()
	d.receiving, d.failed = false, err
	d.changed.Broadcast()
}

func (d *TypeDecoder) known(id typeID) *vdl.Type {
	if t, ok := builtinTypes[id]; ok {
		return t
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.types[id]
}

// lookup returns the type of the id, for which it waits if the types are on a stream of their own.
func (d *TypeDecoder) lookup(id typeID) (*vdl.Type, error) {
	if t, ok := builtinTypes[id]; ok {
		return t, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		switch t := d.types[id]; {
		case t != nil:
			return t, nil
		case d.src == nil || id < firstOwnID:
			return nil, fmt.Errorf("vom: a value refers to the type id %d, which was not sent", id)
		case d.failed != nil:
			return nil, fmt.Errorf("vom: waiting for type id %d: %w", id, d.failed)
		}
		d.progress()
	}
}

// receive reads one message of a stream of types.
func (d *TypeDecoder) receive() error {
	h, err := d.src.header()
	if err != nil {
		return err
	}
	if h.id > 0 {
		return fmt.Errorf("vom: stream of types has a value message of type id %d", h.id)
	}
	return d.define(d.src, h)
}

// defineInline reads the rest of a type message of a stream of values.
func (d *TypeDecoder) defineInline(src *source, h header) error {
	if d.src != nil {
		return fmt.Errorf("vom: stream of values has a message of type id %d, types have their own stream", -h.id)
	}
	return d.define(src, h)
}

// define reads the rest of a type message. Unless the type is incomplete, it can be built, together with the types it
// is made of that had to wait for it.
func (d *TypeDecoder) define(src *source, h header) error {
	n, err := src.length()
	if err != nil {
		return noEOF(err)
	}
	if d.count, d.size = d.count+1, d.size+n; n > maxTypeMessage || d.count > maxTypes || d.size > maxTypeBytes {
		return errTooManyTypes
	}
	payload, err := src.take(n)
	if err != nil {
		return noEOF(err)
	}
	id := typeID(-h.id)
	if id < firstOwnID || d.waiting[id] != nil || d.known(id) != nil {
		return fmt.Errorf("vom: type id %d is reserved or was sent twice", id)
	}
	if d.waiting[id], err = parseTypeMessage(payload); err != nil {
		return fmt.Errorf("vom: type id %d: %w", id, err)
	}
	if h.incomplete {
		return nil
	}
	return d.build(d.reachable(id))
}

// reachable returns the waiting types that the type of the id is made of, itself included. Others may have to wait for
// types that follow.
func (d *TypeDecoder) reachable(id typeID) map[typeID]*typeMessage {
	found := map[typeID]*typeMessage{}
	for todo := []typeID{id}; len(todo) > 0; {
		id, todo = todo[len(todo)-1], todo[:len(todo)-1]
		msg := d.waiting[id]
		if msg == nil || found[id] != nil {
			continue
		}
		found[id] = msg
		todo = append(todo, msg.key, msg.elem)
		for _, field := range msg.fields {
			todo = append(todo, field.id)
		}
	}
	return found
}

var errTooManyTypes = errors.New("vom: stream has too many types, or too large types")

// build builds the types of the messages.
func (d *TypeDecoder) build(messages map[typeID]*typeMessage) error {
	var b vdl.TypeBuilder
	built := make(map[typeID]vdl.PendingType, len(messages))
	shapes := make(map[typeID]*shape, len(messages))
	for id, msg := range messages {
		s := newShape(&b, msg)
		shapes[id], built[id] = s, s.result
	}
	find := func(id typeID) (vdl.TypeOrPending, error) {
		if p := built[id]; p != nil {
			return p, nil
		}
		if t := d.known(id); t != nil {
			return t, nil
		}
		return nil, fmt.Errorf("vom: a type refers to the type id %d, which was not sent", id)
	}
	for id, msg := range messages {
		if err := shapes[id].connect(msg, find); err != nil {
			return err
		}
	}
	b.Build()
	return d.publish(built)
}

func (d *TypeDecoder) publish(built map[typeID]vdl.PendingType) error {
	for id, pending := range built {
		t, err := pending.Built()
		if err != nil {
			return fmt.Errorf("vom: type id %d: %w", id, err)
		}
		if d.size += len(t.Unique()); d.size > maxTypeBytes {
			return errTooManyTypes
		}
		d.mu.Lock()
		d.types[id] = t
		d.mu.Unlock()
		delete(d.waiting, id)
	}
	return nil
}

// typeMessage is a parsed description.
type typeMessage struct {
	variant   int
	name      string
	key, elem typeID // elem is also the base of a named type
	length    uint64
	labels    []string
	fields    []typeField
}

type typeField struct {
	name string
	id   typeID
}

// parseTypeMessage parses what description.describe draws.
func parseTypeMessage(payload []byte) (*typeMessage, error) {
	p := parser{payload}
	variant, err := p.uint()
	if err != nil {
		return nil, err
	}
	if variant > wireOptional {
		return nil, fmt.Errorf("description of the unknown variant %d", variant)
	}
	msg := &typeMessage{variant: int(variant)}
	err = p.members(func(index uint64) error { return msg.parseMember(&p, index) })
	if err == nil && len(p.rest) > 0 {
		err = fmt.Errorf("description has %d bytes too many", len(p.rest))
	}
	return msg, err
}

func (msg *typeMessage) parseMember(p *parser, index uint64) (err error) {
	switch {
	case index == 0:
		msg.name, err = p.string()
	case index == 1 && msg.variant == wireEnum:
		msg.labels, err = p.labels()
	case index == 1 && (msg.variant == wireStruct || msg.variant == wireUnion):
		msg.fields, err = p.fields()
	case index == 1 && (msg.variant == wireSet || msg.variant == wireMap):
		msg.key, err = p.id()
	case index == 1, index == 2 && msg.variant == wireMap:
		msg.elem, err = p.id()
	case index == 2 && msg.variant == wireArray:
		msg.length, err = p.uint()
	default:
		err = fmt.Errorf("description of variant %d has the unknown member %d", msg.variant, index)
	}
	return err
}

// parser takes the parts of a description.
type parser struct{ rest []byte }

func (p *parser) uint() (uint64, error) {
	x, n, err := parseUint(p.rest)
	p.rest = p.rest[n:]
	return x, err
}

func (p *parser) id() (typeID, error) {
	x, err := p.uint()
	return typeID(x), err
}

func (p *parser) string() (string, error) {
	n, err := p.count()
	if err != nil {
		return "", err
	}
	s := string(p.rest[:n])
	p.rest = p.rest[n:]
	return s, nil
}

// count takes a number of things that occupy at least a byte each.
func (p *parser) count() (int, error) {
	n, err := p.uint()
	if err == nil && n > uint64(len(p.rest)) {
		err = errTruncated
	}
	return int(n), err
}

// members calls the function for each member of a struct, to take its value.
func (p *parser) members(take func(index uint64) error) error {
	for {
		if len(p.rest) > 0 && p.rest[0] == controlEnd {
			p.rest = p.rest[1:]
			return nil
		}
		index, err := p.uint()
		if err != nil {
			return err
		}
		if err := take(index); err != nil {
			return err
		}
	}
}

func (p *parser) labels() ([]string, error) {
	n, err := p.count()
	if err != nil {
		return nil, err
	}
	var labels []string
	for range n {
		label, err := p.string()
		if err != nil {
			return nil, err
		}
		labels = append(labels, label)
	}
	return labels, nil
}

func (p *parser) fields() ([]typeField, error) {
	n, err := p.count()
	if err != nil {
		return nil, err
	}
	var fields []typeField
	for range n {
		var field typeField
		err := p.members(func(index uint64) (err error) {
			switch index {
			case 0:
				field.name, err = p.string()
			case 1:
				field.id, err = p.id()
			default:
				err = fmt.Errorf("description of a field has the unknown member %d", index)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		fields = append(fields, field)
	}
	return fields, nil
}
