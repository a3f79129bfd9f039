package wal

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/damage"
)

var testHeader = segmentHeader{
	store: 1 << 63, generation: 9, base: entry.Position{Index: 100, Term: 7},
	trim:      trim{generation: 3, base: entry.Position{Index: 50, Term: 2}},
	formerEnd: 4096, number: 12, chain: 0xdeadbeef,
}

func testOutline() outline {
	return outline{
		kept: 99, reset: true, base: entry.Position{Index: 5, Term: 2}, last: 130,
		chunks:         []chunk{{first: 100, at: 1024, end: 2000}, {first: 120, at: 2000, end: 3000}},
		terms:          []entry.TermRun{{First: 100, Term: 3}, {First: 125, Term: 8}},
		configurations: []entry.Index{100, 130},
	}
}

func testContents() contents {
	return contents{
		hard: &entry.HardState{Term: 5, Vote: "host:1"}, truncate: 7, reset: &entry.Position{Index: 9, Term: 1},
		trim: &trim{generation: 2, base: entry.Position{Index: 9, Term: 1}}, commit: 8,
	}
}

// TestSegmentHeader: what is encoded is decoded, and no bit may differ.
func TestSegmentHeader(t *testing.T) {
	b := testHeader.encode()
	got, err := decodeHeader(b, testHeader.store)
	if err != nil || got != testHeader {
		t.Fatalf("decoded %+v, %v", got, err)
	}
	for i := range 8 * len(b) {
		flipped := bytes.Clone(b)
		flipped[i/8] ^= 1 << (i % 8)
		if _, err := decodeHeader(flipped, testHeader.store); err == nil {
			t.Fatalf("bit %d may differ", i)
		}
	}
	if _, err := decodeHeader(b[:100], testHeader.store); err == nil {
		t.Error("a cut header decodes")
	}
}

// TestSeal is the same for the seal.
func TestSeal(t *testing.T) {
	want := seal{successor: 5, footerAt: 2048, footerLen: 128, footerSum: 77}
	b := want.encode(3)
	if got, ok := decodeSeal(b, 3); !ok || got != want {
		t.Fatalf("decoded %+v, %v", got, ok)
	}
	for i := range 8 * len(b) {
		flipped := bytes.Clone(b)
		flipped[i/8] ^= 1 << (i % 8)
		if _, ok := decodeSeal(flipped, 3); ok {
			t.Fatalf("bit %d may differ", i)
		}
	}
	if _, ok := decodeSeal(b, 4); ok {
		t.Error("the seal of another directory passes")
	}
}

// TestBatch: what is encoded is decoded; no bit, no other place, generation or directory passes.
func TestBatch(t *testing.T) {
	p := place{store: 3, generation: 2, at: 1048}
	c := testContents()
	b, h := c.encode(nil, header{number: 6, durable: 1048, chain: 5}, p)
	if int64(len(b)) != batchHeader+h.body() || int64(len(b)) > c.sizeMax() {
		t.Fatalf("%d bytes, the header says %d, the bound was %d", len(b), h.body(), c.sizeMax())
	}
	got, err := decodeBatchHeader(b, p)
	if err != nil || got != h {
		t.Fatalf("decoded %+v, %v, want %+v", got, err, h)
	}
	decoded, err := decodeControl(b[batchHeader:batchHeader+int(h.control)], h.number, p)
	decoded.commit = got.commit
	if err != nil || !reflect.DeepEqual(decoded, c) {
		t.Fatalf("decoded %+v, %v, want %+v", decoded, err, c)
	}
	for i := range 8 * batchHeader {
		flipped := bytes.Clone(b)
		flipped[i/8] ^= 1 << (i % 8)
		if _, err := decodeBatchHeader(flipped, p); !errors.Is(err, errNoBatch) {
			t.Fatalf("bit %d may differ", i)
		}
	}
	for _, other := range []place{{4, 2, 1048}, {3, 1, 1048}, {3, 2, 1056}} {
		if _, err := decodeBatchHeader(b, other); !errors.Is(err, errNoBatch) {
			t.Errorf("the batch passes at %+v", other)
		}
	}
}

// TestHardTwice: the two hard records of a batch share no sector, wherever the batch lies and however
// long the vote is, and each proves itself.
func TestHardTwice(t *testing.T) {
	for at := int64(1024); at < 1024+512; at += 8 {
		for _, size := range []int{0, 1, 7, 8, 300, 431, 432, 433, 900, entry.MemberIDMax} {
			p := place{store: 1, generation: 1, at: at}
			c := contents{hard: &entry.HardState{Term: 3, Vote: entry.MemberID(bytes.Repeat([]byte{'x'}, size))}}
			b, h := c.encode(nil, header{number: 4}, p)
			value := hardValue(*c.hard, 4, p)
			first, second := bytes.Index(b, value), bytes.LastIndex(b, value)
			endOfFirst := (at + int64(first+len(value)) - 1) / vfs.SectorSize
			startOfSecond := (at + int64(second) - recordHead) / vfs.SectorSize
			if first == second || startOfSecond <= endOfFirst {
				t.Fatalf("batch at %d, vote of %d: the records end and start in sectors %d and %d",
					at, size, endOfFirst, startOfSecond)
			}
			if got, err := decodeHard(b[second:second+len(value)], 4, p); err != nil || got != *c.hard {
				t.Fatalf("the second record decodes as %v, %v", got, err)
			}
			if h.control > controlMax || int64(len(b)) > c.sizeMax() {
				t.Fatalf("%d bytes of control records, %d in all", h.control, len(b))
			}
		}
	}
}

// TestOutline: what is encoded is decoded, and nonsense is refused.
func TestOutline(t *testing.T) {
	want := testOutline()
	got, err := decodeOutline(want.encode())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("decoded %+v, %v", got, err)
	}
	empty := newOutline()
	if got, err = decodeOutline(empty.encode()); err != nil || !reflect.DeepEqual(got, empty) {
		t.Fatalf("decoded %+v, %v", got, err)
	}
	for name, spoil := range map[string]func(*outline){
		"chunks not in order":         func(o *outline) { o.chunks[1].first = 100 },
		"chunk above the last":        func(o *outline) { o.chunks[1].first = 131 },
		"chunk in the header":         func(o *outline) { o.chunks[0].at = 512 },
		"empty chunk":                 func(o *outline) { o.chunks[0].end = o.chunks[0].at },
		"no terms":                    func(o *outline) { o.terms = nil },
		"terms from elsewhere":        func(o *outline) { o.terms[0].First = 99 },
		"terms not in order":          func(o *outline) { o.terms[1].Term = 3 },
		"term above the last":         func(o *outline) { o.terms[1].First = 200 },
		"configurations not in order": func(o *outline) { o.configurations[0] = 130 },
		"configuration outside":       func(o *outline) { o.configurations[1] = 131 },
		"terms of nothing":            func(o *outline) { o.chunks, o.configurations = nil, nil },
	} {
		o := testOutline()
		spoil(&o)
		if _, err := decodeOutline(o.encode()); err == nil {
			t.Errorf("%s: decodes", name)
		}
	}
}

// TestDurableMark: a batch that does not verify is damage when a later one says that it had been
// durable, and torn when the later one was written without knowing that.
func TestDurableMark(t *testing.T) {
	for _, known := range []bool{true, false} {
		disk, name := smallLog(t)
		b, err := vfs.ReadFile(disk, name, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		broken := bytes.LastIndex(b, []byte("BTCH"))
		p := place{store: 1, generation: 1, at: int64(broken + 400)}
		h := header{number: 99, durable: int64(broken)}
		if known {
			h.durable = p.at
		}
		later, _ := (&contents{}).encode(nil, h, p)
		f, err := disk.OpenWrite(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(later, p.at); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Close(), disk.Damage(name, int64(broken), 1)); err != nil {
			t.Fatal(err)
		}
		l, err := Open(disk, "d", Options{Incarnation: 1})
		if err != nil {
			t.Fatal(err)
		}
		rec, err := l.Recover()
		var d *damage.Error
		if known && (!errors.As(err, &d) || d.Offset != int64(broken)) || !known && (err != nil || rec.Last != 3) {
			t.Errorf("known durable %v: recovered %+v, %v", known, rec, err)
		}
	}
}

// FuzzSegmentHeader: no bytes panic, and what decodes encodes to the same bytes.
func FuzzSegmentHeader(f *testing.F) {
	f.Add(testHeader.encode())
	f.Add([]byte(segmentMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := decodeHeader(b, testHeader.store); err == nil && !bytes.Equal(h.encode(), b[:headerSize]) {
			t.Errorf("%x decodes as %+v", b, h)
		}
	})
}

// FuzzSeal is the same for the seal.
func FuzzSeal(f *testing.F) {
	f.Add(seal{successor: 5, footerAt: 2048, footerLen: 128, footerSum: 77}.encode(3))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, ok := decodeSeal(b, 3); ok && !bytes.Equal(s.encode(3), b[:sealSize]) {
			t.Errorf("%x decodes as %+v", b, s)
		}
	})
}

// FuzzOutline is the same for the footer.
func FuzzOutline(f *testing.F) {
	for _, o := range []outline{testOutline(), newOutline()} {
		f.Add(o.encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if o, err := decodeOutline(b); err == nil && !bytes.Equal(o.encode(), b) {
			t.Errorf("%x decodes as %+v", b, o)
		}
	})
}

// FuzzBatchHeader: no bytes panic, and what decodes encodes to the same bytes.
func FuzzBatchHeader(f *testing.F) {
	p := place{store: 3, generation: 2, at: 1048}
	c := testContents()
	b, _ := c.encode(nil, header{number: 6, durable: 1048}, p)
	f.Add(b[:batchHeader])
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := decodeBatchHeader(b, p)
		if err != nil {
			return
		}
		again := make([]byte, batchHeader)
		h.put(again, p)
		if !bytes.Equal(again, b[:batchHeader]) {
			t.Errorf("%x decodes as %+v", b, h)
		}
	})
}

// FuzzControl: no bytes panic; what decodes is within bounds and survives encoding.
func FuzzControl(f *testing.F) {
	p := place{store: 3, generation: 2, at: 1048}
	c := testContents()
	f.Add(c.appendControl(nil, 6, p))
	f.Add(appendRecord(nil, tagTruncate, words(1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeControl(b, 6, p)
		if err != nil {
			return
		}
		again, err := decodeControl(got.appendControl(nil, 6, p), 6, p)
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%x decodes as %+v, then as %+v (%v)", b, got, again, err)
		}
	})
}

// FuzzRecover opens a log whose last segment holds arbitrary bytes from some offset on: it recovers,
// or says what is wrong, and what it reports can be read.
func FuzzRecover(f *testing.F) {
	f.Add([]byte{}, uint16(1024))
	f.Add([]byte("BTCH\x00\x00\x00\x00"), uint16(1600))
	f.Add(bytes.Repeat([]byte{0xff}, 600), uint16(2000))
	whole, name := smallLog(f)
	f.Fuzz(func(t *testing.T, b []byte, at uint16) {
		disk := whole.Crash(vfs.Keep)
		file, err := disk.OpenWrite(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteAt(b, int64(at)); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		l, err := Open(disk, "d", Options{Incarnation: 1})
		if err != nil {
			t.Fatal(err)
		}
		rec, err := l.Recover()
		if err != nil {
			return
		}
		if rec.Last > rec.Base.Index {
			if _, err := l.Read(rec.Base.Index+1, rec.Last, 1<<20); err != nil {
				t.Errorf("recovered %+v, which does not read: %v", rec, err)
			}
		}
	})
}

// smallLog makes a log of one segment with a few batches.
func smallLog(t testing.TB) (disk *vfs.Memory, name string) {
	t.Helper()
	disk = vfs.NewMemory()
	o := Options{Incarnation: 1, SegmentSize: SegmentSizeMin}
	if err := errors.Join(disk.MkdirAll("d"), Create(disk, "d", o)); err != nil {
		t.Fatal(err)
	}
	l, err := Open(disk, "d", o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Recover(); err != nil {
		t.Fatal(err)
	}
	for i := entry.Index(1); i <= 4; i++ {
		var b entry.Builder
		payload := bytes.Repeat([]byte{byte(i)}, 100)
		b.Add(entry.Header{Index: i, Term: 1, Size: 100, PayloadSum: entry.Checksum(payload)}, payload)
		if err := l.Store(&entry.Batch{Blocks: []*entry.Block{b.Block()}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return disk, "d/" + segmentName(1, 0)
}
