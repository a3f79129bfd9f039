package vom

import (
	"math"

	"v.io/v23/vdl"
)

// shape is a type of a TypeBuilder that was created from a type message but not connected to the types it refers to.
type shape struct {
	result vdl.PendingType // the type that the message defines
	named  *vdl.PendingNamed
	bare   vdl.PendingType // the same without the name; nil for named scalars
}

func newShape(b *vdl.TypeBuilder, msg *typeMessage) *shape {
	s := &shape{}
	switch msg.variant {
	case wireEnum:
		s.bare = b.Enum()
	case wireArray:
		s.bare = b.Array()
	case wireList:
		s.bare = b.List()
	case wireSet:
		s.bare = b.Set()
	case wireMap:
		s.bare = b.Map()
	case wireStruct:
		s.bare = b.Struct()
	case wireUnion:
		s.bare = b.Union()
	case wireOptional:
		s.bare = b.Optional()
	}
	s.result = s.bare
	if msg.name != "" || msg.variant == wireNamed {
		named := b.Named(msg.name)
		s.named, s.result = &named, named
		if s.bare != nil {
			named.AssignBase(s.bare)
		}
	}
	return s
}

// finder returns the type of an id, or an error if there is none.
type finder func(typeID) (vdl.TypeOrPending, error)

// connect makes the shape refer to the types that the message refers to.
func (s *shape) connect(msg *typeMessage, find finder) error {
	var key, elem vdl.TypeOrPending
	var err error
	if msg.variant == wireSet || msg.variant == wireMap {
		if key, err = find(msg.key); err != nil {
			return err
		}
	}
	switch msg.variant {
	case wireNamed, wireArray, wireList, wireMap, wireOptional:
		if elem, err = find(msg.elem); err != nil {
			return err
		}
	}
	switch p := s.bare.(type) {
	case nil:
		s.named.AssignBase(elem)
	case vdl.PendingEnum:
		for _, label := range msg.labels {
			p.AppendLabel(label)
		}
	case vdl.PendingArray:
		p.AssignElem(elem).AssignLen(int(min(msg.length, math.MaxInt32)))
	case vdl.PendingList:
		p.AssignElem(elem)
	case vdl.PendingSet:
		p.AssignKey(key)
	case vdl.PendingMap:
		p.AssignKey(key).AssignElem(elem)
	case vdl.PendingOptional:
		p.AssignElem(elem)
	case vdl.PendingStruct:
		return connectFields(msg, find, func(name string, t vdl.TypeOrPending) { p.AppendField(name, t) })
	case vdl.PendingUnion:
		return connectFields(msg, find, func(name string, t vdl.TypeOrPending) { p.AppendField(name, t) })
	}
	return nil
}

func connectFields(msg *typeMessage, find finder, add func(string, vdl.TypeOrPending)) error {
	for _, field := range msg.fields {
		t, err := find(field.id)
		if err != nil {
			return err
		}
		add(field.name, t)
	}
	return nil
}
