package sim

import (
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
	s.process.applied(check.Command{Index: c.Index, Term: c.Term, Attempt: attempt, State: s.state})
	return before
}

// Snapshot implements replica.Machine: the state is captured now and written by finish.
func (s *store) Snapshot(_ context.Context, _ entry.Index, w io.Writer) (func() error, error) {
	image := binary.LittleEndian.AppendUint64(nil, s.state)
	for _, value := range s.values {
		image = binary.LittleEndian.AppendUint64(image, value)
	}
	image = append(image, make([]byte, s.process.member.world.plan.Setting.Stores.Image)...)
	return func() error {
		for len(image) > 0 {
			n := min(len(image), 700)
			if _, err := w.Write(image[:n]); err != nil {
				return err
			}
			image = image[n:]
		}
		return nil
	}, nil
}

// Restore implements replica.Machine.
func (s *store) Restore(_ context.Context, at entry.Index, r io.Reader) error {
	image, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if want := 8 + 8*keysMax + s.process.member.world.plan.Setting.Stores.Image; len(image) != want {
		return fmt.Errorf("an image of %d bytes, want %d", len(image), want)
	}
	s.state = binary.LittleEndian.Uint64(image)
	for i := range s.values {
		s.values[i] = binary.LittleEndian.Uint64(image[8+8*i:])
	}
	s.process.restored(at, s.state)
	return nil
}
