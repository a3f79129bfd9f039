package entry_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
)

// header returns a header that describes payload.
func header(i entry.Index, term entry.Term, payload []byte) entry.Header {
	return entry.Header{
		Index: i, Term: term, Origin: 0x1122334455667788, Sequence: 9,
		Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload),
	}
}

// golden is the frame of one command, byte for byte: version 1, kind 0, size 5, index 258, term 3,
// origin, sequence 9, the two checksums, and the payload. What is on disks and wires must stay
// readable.
const golden = "01000000" + "05000000" + "0201000000000000" + "0300000000000000" +
	"8877665544332211" + "0900000000000000" + "4cbb719a" + "d6b76293" + "68656c6c6f"

func TestGoldenFrame(t *testing.T) {
	payload := []byte("hello")
	got := entry.AppendFrame(nil, header(258, 3, payload), payload)
	if hex.EncodeToString(got) != golden {
		t.Fatalf("the frame is\n%x, want\n%s", got, golden)
	}
	h, read, err := entry.DecodeFrame(got)
	if err != nil || h != header(258, 3, payload) || !bytes.Equal(read, payload) {
		t.Errorf("it decodes to %+v %q (%v)", h, read, err)
	}
}

// TestEveryBitCounts flips each bit of a frame: none may go unnoticed.
func TestEveryBitCounts(t *testing.T) {
	payload := []byte("payload")
	frame := entry.AppendFrame(nil, header(7, 2, payload), payload)
	for bit := range len(frame) * 8 {
		damaged := bytes.Clone(frame)
		damaged[bit/8] ^= 1 << (bit % 8)
		if _, _, err := entry.DecodeFrame(damaged); !errors.Is(err, entry.ErrCorrupt) && !errors.Is(err, entry.ErrShort) {
			t.Errorf("bit %d flipped: %v", bit, err)
		}
	}
	for n := range frame {
		if _, _, err := entry.DecodeFrame(frame[:n]); !errors.Is(err, entry.ErrShort) {
			t.Errorf("a frame cut to %d bytes: %v, want ErrShort", n, err)
		}
	}
}

// TestHeaderLimits gives intact checksums to headers that no writer of this version makes.
func TestHeaderLimits(t *testing.T) {
	for name, h := range map[string]entry.Header{
		"index 0":         {Index: 0, Term: 1},
		"term 0":          {Index: 1, Term: 0},
		"index too large": {Index: entry.NumberMax + 1, Term: 1},
		"term too large":  {Index: 1, Term: entry.NumberMax + 1},
		"payload too large": {
			Index: 1, Term: 1, Size: entry.PayloadMax + 1,
		},
	} {
		if _, err := entry.DecodeHeader(entry.AppendHeader(nil, h)); !errors.Is(err, entry.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
	edge := entry.Header{Index: entry.NumberMax, Term: entry.NumberMax, Size: entry.PayloadMax, Kind: 200}
	if got, err := entry.DecodeHeader(entry.AppendHeader(nil, edge)); err != nil || got != edge {
		t.Errorf("the largest header decodes to %+v (%v)", got, err)
	}
}

// TestLaterFrames gives intact checksums to headers of another version, and to one that says more in the bytes that
// this version leaves zero: they are refused by name, since their other fields may mean something else.
func TestLaterFrames(t *testing.T) {
	for want, change := range map[string]func([]byte){
		"frame version 2, this library reads 1": func(b []byte) { b[0] = 2 },
		"frame version 0, this library reads 1": func(b []byte) { b[0] = 0 },
		"reserved bytes are 0x0001":             func(b []byte) { b[2] = 1 },
		"reserved bytes are 0x8000":             func(b []byte) { b[3] = 0x80 },
	} {
		payload := []byte("payload")
		frame := entry.AppendFrame(nil, header(7, 2, payload), payload)
		change(frame)
		binary.LittleEndian.PutUint32(frame[44:], entry.Checksum(frame[:44]))
		if _, _, err := entry.DecodeFrame(frame); !errors.Is(err, entry.ErrCorrupt) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// build returns a block of the entries first to last in term.
func build(first, last entry.Index, term entry.Term) *entry.Block {
	var b entry.Builder
	for i := first; i <= last; i++ {
		payload := fmt.Appendf(nil, "entry %d", i)
		b.Add(header(i, term, payload), payload)
	}
	return b.Block()
}

func TestBlock(t *testing.T) {
	b := build(10, 20, 4)
	if b.First() != 10 || b.Last() != 20 || b.Len() != 11 || b.Size() != len(b.Bytes()) {
		t.Fatalf("block %d to %d, %d entries, %d bytes", b.First(), b.Last(), b.Len(), b.Size())
	}
	for i := b.First(); i <= b.Last(); i++ {
		h, payload, err := entry.DecodeFrame(b.Frame(i))
		if err != nil || h != b.Header(i) || !bytes.Equal(payload, b.Payload(i)) || b.FrameSize(i) != h.FrameSize() ||
			b.Term(i) != 4 || b.Kind(i) != entry.KindCommand {
			t.Errorf("entry %d: %+v %q (%v)", i, h, payload, err)
		}
	}
	s := b.Slice(12, 15)
	if s.First() != 12 || s.Last() != 15 || !bytes.Equal(s.Bytes(), b.Frames(12, 15)) || s.Size() != len(s.Bytes()) {
		t.Errorf("slice %d to %d of %d bytes", s.First(), s.Last(), s.Size())
	}
	if again := s.Slice(13, 14); string(again.Payload(13)) != "entry 13" || again.Len() != 2 {
		t.Errorf("a slice of a slice begins with %q", again.Payload(13))
	}
	parsed, err := entry.Parse(bytes.Clone(b.Bytes()))
	if err != nil || !bytes.Equal(parsed.Bytes(), b.Bytes()) || parsed.First() != 10 {
		t.Errorf("parsing what was built: %v", err)
	}
	if got := append(b.Payload(10), '!'); &got[0] == &b.Payload(10)[0] {
		t.Error("appending to a payload writes into the block")
	}
}

func TestParseRefuses(t *testing.T) {
	one, next, later := build(1, 1, 2).Bytes(), build(2, 2, 1).Bytes(), build(3, 3, 2).Bytes()
	for name, buf := range map[string][]byte{
		"nothing":        nil,
		"a hole":         append(bytes.Clone(one), later...),
		"a falling term": append(bytes.Clone(one), next...),
		"the same twice": append(bytes.Clone(one), one...),
		"a tail":         append(bytes.Clone(one), 1, 2, 3),
	} {
		if b, err := entry.Parse(buf); err == nil {
			t.Errorf("%s was parsed as %d to %d", name, b.First(), b.Last())
		}
	}
}

// TestBuilderPanics documents the one mistake that the code around a builder can make.
func TestBuilderPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a hole was built")
		}
	}()
	var b entry.Builder
	b.Add(header(1, 1, nil), nil)
	b.Add(header(3, 1, nil), nil)
}

func TestBuilderReserve(t *testing.T) {
	var b entry.Builder
	if b.Block() != nil {
		t.Error("an empty builder built something")
	}
	payload := make([]byte, 100)
	allocations := testing.AllocsPerRun(100, func() {
		b.Reserve(50, 50*(entry.HeaderSize+len(payload)))
		for i := entry.Index(1); i <= 50; i++ {
			b.Add(header(i, 1, payload), payload)
		}
		b.Block()
	})
	if allocations > 3 {
		t.Errorf("a reserved block of 50 entries took %v allocations", allocations)
	}
}

func TestConfigurationCodec(t *testing.T) {
	c := entry.Configuration{Cluster: entry.ClusterID{1, 2, 3}, Members: []entry.Member{
		{ID: "a:1", Incarnation: 7, Key: []byte("key a")}, {ID: "b:2", Learner: true}, {ID: "c:3"},
	}}
	encoded := entry.AppendConfiguration(nil, c)
	got, err := entry.DecodeConfiguration(encoded)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(c) {
		t.Fatalf("decoded %v (%v), want %v", got, err, c)
	}
	if fmt.Sprint(c.Voters()) != "[a:1 c:3]" {
		t.Errorf("voters %v", c.Voters())
	}
	if m, ok := got.Find("b:2"); !ok || !m.Learner {
		t.Errorf("b:2 is %+v, %v", m, ok)
	}
	if _, ok := got.Find("b:3"); ok {
		t.Error("found a member that is not there")
	}
	for n := range encoded {
		if _, err := entry.DecodeConfiguration(encoded[:n]); !errors.Is(err, entry.ErrCorrupt) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := entry.DecodeConfiguration(append(encoded, 0)); !errors.Is(err, entry.ErrCorrupt) {
		t.Errorf("with one byte more: %v", err)
	}
}

func TestConfigurationLimits(t *testing.T) {
	many := entry.Configuration{}
	for i := range entry.MembersMax + 1 {
		many.Members = append(many.Members, entry.Member{ID: entry.MemberID(fmt.Sprintf("m%03d", i))})
	}
	for name, c := range map[string]entry.Configuration{
		"too many":     many,
		"no id":        {Members: []entry.Member{{}}},
		"id too long":  {Members: []entry.Member{{ID: entry.MemberID(make([]byte, entry.MemberIDMax+1))}}},
		"key too long": {Members: []entry.Member{{ID: "a", Key: make([]byte, entry.MemberKeyMax+1)}}},
		"not sorted":   {Members: []entry.Member{{ID: "b"}, {ID: "a"}}},
		"twice":        {Members: []entry.Member{{ID: "a"}, {ID: "a"}}},
	} {
		if c.Validate() == nil {
			t.Errorf("%s is valid", name)
		}
		if _, err := entry.DecodeConfiguration(entry.AppendConfiguration(nil, c)); !errors.Is(err, entry.ErrCorrupt) {
			t.Errorf("%s decodes: %v", name, err)
		}
	}
	many.Members = many.Members[:entry.MembersMax]
	if err := many.Validate(); err != nil {
		t.Errorf("%d members: %v", entry.MembersMax, err)
	}
}

func TestKinds(t *testing.T) {
	for kind, want := range map[entry.Kind]string{
		entry.KindCommand: "command", entry.KindNoOp: "no-op", entry.KindConfiguration: "configuration",
		entry.KindSession: "session", 77: "kind 77",
	} {
		if kind.String() != want || kind.Known() == (kind == 77) {
			t.Errorf("kind %d is %q, known %v", uint8(kind), kind, kind.Known())
		}
	}
}

// FuzzDecodeFrame checks that whatever decodes is what its own fields encode to.
func FuzzDecodeFrame(f *testing.F) {
	payload := []byte("seed")
	f.Add(entry.AppendFrame(nil, header(1, 1, payload), payload))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, payload, err := entry.DecodeFrame(b)
		if err != nil {
			return
		}
		if again := entry.AppendFrame(nil, h, payload); !bytes.Equal(again, b[:len(again)]) {
			t.Errorf("%x decodes and encodes to %x", b, again)
		}
	})
}

// FuzzParse checks that a parsed block is the bytes it was parsed from.
func FuzzParse(f *testing.F) {
	f.Add(build(1, 3, 1).Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		block, err := entry.Parse(b)
		if err != nil {
			return
		}
		if !bytes.Equal(block.Bytes(), b) || block.Last() < block.First() {
			t.Errorf("%x parses to %d to %d", b, block.First(), block.Last())
		}
	})
}

// FuzzConfiguration checks that a decoded configuration is valid and decodes again to itself.
func FuzzConfiguration(f *testing.F) {
	f.Add(entry.AppendConfiguration(nil, entry.Configuration{Members: []entry.Member{{ID: "a", Key: []byte{1}}}}))
	f.Add(entry.AppendConfiguration(nil, full()))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := entry.DecodeConfiguration(b)
		if err != nil {
			return
		}
		again, err := entry.DecodeConfiguration(entry.AppendConfiguration(nil, c))
		if err != nil || c.Validate() != nil || fmt.Sprint(again) != fmt.Sprint(c) {
			t.Errorf("%v decodes again to %v (%v)", c, again, err)
		}
	})
}

// Example frames two commands once; the same bytes go to disks, sockets and the program.
func Example() {
	var b entry.Builder
	for i, command := range []string{"set x 1", "set y 2"} {
		payload := []byte(command)
		b.Add(entry.Header{
			Index: entry.Index(i + 1), Term: 1, Origin: 42, Sequence: uint64(i + 1),
			Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload),
		}, payload)
	}
	sent := b.Block().Bytes()
	received, err := entry.Parse(sent)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := received.First(); i <= received.Last(); i++ {
		fmt.Printf("%d: %s\n", i, received.Payload(i))
	}
	// Output:
	// 1: set x 1
	// 2: set y 2
}
