package sim

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/sim/check"
)

// A command, in bytes:
//
//	 0          8        16     17
//	+----------+--------+------+---------+
//	| attempt  | value  | key  | padding |
//	| u64 LE   | u64 LE | u8   |         |
//	+----------+--------+------+---------+
const commandHead = 17

func appendCommand(dst []byte, attempt check.Attempt, value uint64, key uint8, size int) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(attempt))
	dst = binary.LittleEndian.AppendUint64(dst, value)
	dst = append(dst, key)
	for n := commandHead; n < size; n++ {
		dst = append(dst, byte(n)^byte(value))
	}
	return dst
}

const keysMax = 16

// store is the state machine of every member: a few keys, and a hash of all that ever happened to
// them.
type store struct {
	process *process
	values  [keysMax]uint64
	state   uint64
	// beside is Options.Beside's, nil for none.
	beside replica.Machine
}

// Apply implements replica.Machine. The result of a command is the value that it replaced.
func (s *store) Apply(commands []replica.Command, results []any) {
	for i := range commands {
		c := &commands[i]
		results[i] = s.apply(c)
	}
}

func (s *store) apply(c *replica.Command) uint64 {
	if len(c.Payload) < commandHead || c.Payload[16] >= keysMax {
		s.process.violate(fmt.Errorf("state machine: entry %d has a command of %d bytes that no client sent",
			c.Index, len(c.Payload)))
		return 0
	}
	attempt := check.Attempt(binary.LittleEndian.Uint64(c.Payload))
	value, key := binary.LittleEndian.Uint64(c.Payload[8:]), c.Payload[16]
	before := s.values[key]
	s.values[key] = value
	hi, lo := bits.Mul64(s.state^value, 0x9fb21c651e98df25)
	s.state = hi ^ lo + uint64(key) + uint64(entry.Checksum(c.Payload))
	if s.beside != nil {
		part := replica.Command{Index: c.Index, Term: c.Term, Payload: c.Payload[commandHead:len(c.Payload):len(c.Payload)]}
		s.beside.Apply([]replica.Command{part}, make([]any, 1))
	}
	s.process.applied(check.Command{Index: c.Index, Term: c.Term, Attempt: attempt, State: s.state})
	return before
}

// Snapshot implements replica.Machine: the state is captured now and written by finish.
func (s *store) Snapshot(ctx context.Context, at entry.Index, w io.Writer) (func() error, error) {
	image := binary.LittleEndian.AppendUint64(nil, s.state)
	for _, value := range s.values {
		image = binary.LittleEndian.AppendUint64(image, value)
	}
	image = append(image, make([]byte, s.process.member.world.plan.Setting.Stores.Image)...)
	if s.beside == nil {
		return func() error { return writeImage(w, image) }, nil
	}
	rest := new(bytes.Buffer)
	finish, err := s.beside.Snapshot(ctx, at, rest)
	if err != nil {
		return nil, err
	}
	return func() error {
		if finish != nil {
			if err := finish(); err != nil {
				return err
			}
		}
		return writeImage(w, append(image, rest.Bytes()...))
	}, nil
}

// writeImage writes in pieces that are no multiple of anything.
func writeImage(w io.Writer, image []byte) error {
	for len(image) > 0 {
		n := min(len(image), 700)
		if _, err := w.Write(image[:n]); err != nil {
			return err
		}
		image = image[n:]
	}
	return nil
}

// Restore implements replica.Machine.
func (s *store) Restore(ctx context.Context, at entry.Index, r io.Reader) error {
	image, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	want := 8 + 8*keysMax + s.process.member.world.plan.Setting.Stores.Image
	if len(image) < want || len(image) > want && s.beside == nil {
		return fmt.Errorf("an image of %d bytes, want %d", len(image), want)
	}
	if s.beside != nil {
		if err := s.beside.Restore(ctx, at, bytes.NewReader(image[want:])); err != nil {
			return err
		}
	}
	s.state = binary.LittleEndian.Uint64(image)
	for i := range s.values {
		s.values[i] = binary.LittleEndian.Uint64(image[8+8*i:])
	}
	s.process.restored(at, s.state)
	return nil
}
