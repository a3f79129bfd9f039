package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
)

var testHeader = segmentHeader{
	store: 1 << 63, generation: 9, base: entry.Position{Index: 100, Term: 7},
	trim:      trim{generation: 3, base: entry.Position{Index: 50, Term: 2}},
	formerEnd: 4096, number: 12, chain: 0xdeadbeef,
}

func testOutline() outline {
	return outline{
		kept: 99, reset: true, base: entry.Position{Index: 5, Term: 2}, last: 130,
		chunks:         []chunk{{first: 100, at: 1600, end: 2000}, {first: 120, at: 2000, end: 3000}},
		terms:          []entry.TermRun{{First: 100, Term: 3}, {First: 125, Term: 8}},
		configurations: []entry.Index{100, 130},
	}
}

func testContents() contents {
	return contents{
		hard: &entry.HardState{Term: 5, Vote: "host:1"}, truncate: 7, reset: &entry.Position{Index: 9, Term: 1},
		trim: &trim{generation: 2, base: entry.Position{Index: 9, Term: 1}}, commit: 8,
		held: entry.Position{Index: 12, Term: 4},
	}
}

// testBlock returns entries with payloads of the given sizes.
func testBlock(first entry.Index, term entry.Term, sizes ...int) *entry.Block {
	var b entry.Builder
	for k, size := range sizes {
		payload := bytes.Repeat([]byte{byte(k + 1)}, size)
		b.Add(entry.Header{Index: first + entry.Index(k), Term: term, Size: uint32(size),
			PayloadSum: entry.Checksum(payload)}, payload)
	}
	return b.Block()
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

// TestBatch: what is encoded is decoded, from either header; no bit, no other place, generation or
// directory passes.
func TestBatch(t *testing.T) {
	p := place{store: 3, generation: 2, at: 2048}
	c := testContents()
	c.blocks = []*entry.Block{testBlock(10, 2, 100, 700, 0), testBlock(13, 3, 1500)}
	b, h := c.encode(nil, header{number: 6, durable: 2048, chain: 5}, p)
	if int64(len(b)) != h.size() || h.size() != c.size() || len(b)%sectorSize != 0 {
		t.Fatalf("%d bytes, the header says %d, expected were %d", len(b), h.size(), c.size())
	}
	got, err := decodeBatchHeader(b, p)
	if err != nil || got != h {
		t.Fatalf("decoded %+v, %v, want %+v", got, err, h)
	}
	last := p
	last.at += int64(len(b)) - sectorSize
	got, start, err := decodeSecondHeader(b[len(b)-sectorSize:], last)
	if err != nil || got != h || start != p.at {
		t.Fatalf("decoded %+v at %d, %v, want %+v", got, start, err, h)
	}
	e := newExtent(p, b)
	for _, at := range []int64{batchHeader, h.tail()} {
		decoded, err := decodeControl(e.data[at : at+int64(h.control)])
		decoded.commit, decoded.blocks = got.commit, c.blocks
		if err != nil || !reflect.DeepEqual(decoded, c) {
			t.Fatalf("decoded %+v, %v, want %+v", decoded, err, c)
		}
	}
	for i := range 8 * batchHeader {
		flipped := bytes.Clone(b)
		flipped[i/8] ^= 1 << (i % 8)
		if _, err := decodeBatchHeader(flipped, p); !errors.Is(err, errNoBatch) {
			t.Fatalf("bit %d may differ", i)
		}
	}
	for _, other := range []place{{4, 2, 2048}, {3, 1, 2048}, {3, 2, 2560}} {
		if _, err := decodeBatchHeader(b, other); !errors.Is(err, errNoBatch) {
			t.Errorf("the batch passes at %+v", other)
		}
	}
}

// TestEnvelopeTwice: no sector has a part of both copies of a batch's header and records, however long
// the vote is and however much lies between them.
func TestEnvelopeTwice(t *testing.T) {
	p := place{store: 1, generation: 1, at: batchesOffset}
	for _, vote := range []int{0, 1, 350, 380, 388, 389, 400, 500, 900, entry.MemberIDMax} {
		for size := -1; size < 1100; size += 7 {
			c := contents{hard: &entry.HardState{Term: 3, Vote: entry.MemberID(bytes.Repeat([]byte{'x'}, vote))}}
			if size >= 0 {
				c.blocks = []*entry.Block{testBlock(1, 1, size)}
			}
			b, h := c.encode(nil, header{number: 4}, p)
			if first := h.head() - 1; first/sectorData >= h.tail()/sectorData {
				t.Fatalf("vote of %d, entry of %d: the copies end and start in sectors %d and %d",
					vote, size, first/sectorData, h.tail()/sectorData)
			}
			if h.control > controlMax || int64(len(b)) != c.size() {
				t.Fatalf("%d bytes of control records, %d in all", h.control, len(b))
			}
		}
	}
}

// TestSector: a sector is intact as it was marked; damaged when any bit of it but the stamp's differs;
// unwritten while only the first bytes of it reached the disk, whatever lay there before.
func TestSector(t *testing.T) {
	p := place{store: 7, generation: 70_000, at: 4096}
	marked := func(generation uint64, fill byte) []byte {
		b := bytes.Repeat([]byte{fill}, sectorSize)
		q := p
		q.generation = generation
		q.mark(b, 17)
		return b
	}
	now := marked(p.generation, 0x55)
	for i := range 8 * sectorSize {
		b := bytes.Clone(now)
		b[i/8] ^= 1 << (i % 8)
		want := damaged
		if i/8 >= stampAt {
			want = intact // all that the sum covers is
		}
		if got := p.judge(b); got != want {
			t.Fatalf("bit %d differs: verdict %d, want %d", i, got, want)
		}
	}
	for name, old := range map[string][]byte{
		"zeros": make([]byte, sectorSize), "the life before": marked(p.generation-1, 0xaa),
		"an older life": marked(5_000, 0), "the same bytes": marked(p.generation-2, 0x55),
	} {
		for n := range sectorSize + 1 {
			b := append(bytes.Clone(now[:n]), old[n:]...)
			want := unwritten
			if n >= stampAt {
				want = intact
			}
			if got := p.judge(b); got != want {
				t.Fatalf("%d bytes over %s: verdict %d, want %d", n, name, got, want)
			}
		}
	}
	if got := p.judge(bytes.Repeat([]byte{0xff}, sectorSize)); got != damaged {
		t.Errorf("what cannot be read: verdict %d", got)
	}
	for name, other := range map[string]place{
		"another place": {7, 70_000, 4608}, "another directory": {8, 70_000, 4096}, "a later life": {7, 70_001, 4096},
	} {
		if got := other.judge(now); got == intact {
			t.Errorf("the sector is intact in %s", name)
		}
	}
}

// TestWalkIsNotFooled: a payload that holds a frame of the next entry is not taken for it, when the next
// one's own header is bad and so is the mark of the sector where the imitation lies, even if that mark
// points at it.
func TestWalkIsNotFooled(t *testing.T) {
	p := place{store: 3, generation: 2, at: 2048}
	fake := testBlock(11, 2, 20).Bytes()
	payload := append(make([]byte, 700), fake...)
	payload = append(payload, make([]byte, 900)...)
	var b entry.Builder
	b.Add(entry.Header{Index: 10, Term: 2, Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload)}, payload)
	next := testBlock(11, 2, 30)
	raw, h := (&contents{blocks: []*entry.Block{b.Block(), next}}).encode(nil, header{number: 6}, p)
	e := newExtent(p, raw)
	first := int64(bytes.Index(e.data, fake))
	k := first / sectorData
	raw[offsetOf(0, h.head())+20] ^= 1 // the header of entry 10
	binary.LittleEndian.PutUint16(raw[k*sectorSize+leadAt:], uint16(first%sectorData))
	walker{newExtent(p, raw), func(entry.Header) bool { return true }}.walk(h.head(), 10, 11, func(r run) bool {
		if r.known && (r.first != 11 || r.header.Size != 30) {
			t.Errorf("visited %+v", r)
		}
		return true
	})
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
		"chunk in the header":         func(o *outline) { o.chunks[0].at = 1024 },
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

// TestDurableMark: a sector that was never written is damage when a later batch says that it had been
// durable, and the end of the log when none does.
func TestDurableMark(t *testing.T) {
	for _, known := range []bool{true, false} {
		disk, name := smallLog(t)
		b, err := vfs.ReadFile(disk, name, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		lost := int64(bytes.LastIndex(b, []byte("BTCH"))) &^ (sectorSize - 1)
		lost -= sectorSize // the last batch starts here
		p := place{store: 1, generation: 1, at: lost + 2*sectorSize}
		h, err := decodeBatchHeader(b[lost:], place{store: 1, generation: 1, at: lost})
		if err != nil {
			t.Fatal(err)
		}
		f, err := disk.OpenWrite(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(make([]byte, sectorSize), lost); err != nil {
			t.Fatal(err)
		}
		if known {
			later, _ := (&contents{}).encode(nil, header{number: h.number + 1, durable: p.at, chain: h.sum}, p)
			if _, err := f.WriteAt(later, p.at); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		l, err := Open(disk, "d", Options{Incarnation: 1, SegmentSize: SegmentSizeMin})
		if err != nil {
			t.Fatal(err)
		}
		rec, err := l.Recover()
		want := []entry.Damage{{First: 4, Last: 4}}
		if err != nil || known && (rec.Last != 4 || !reflect.DeepEqual(rec.Damaged, want)) ||
			!known && (rec.Last != 3 || rec.Damaged != nil) {
			t.Errorf("known durable %v: recovered %+v, %v", known, rec, err)
		}
	}
}

// FuzzName: what is read of a name is what makes that name.
func FuzzName(f *testing.F) {
	f.Add(segmentName(1, 0))
	f.Add(segmentName(1<<64-1, 1<<64-1))
	f.Add("00000000000000000001.+0000000000000000001.log")
	f.Fuzz(func(t *testing.T, name string) {
		if generation, base, ok := parseName(name); ok && segmentName(generation, base) != name {
			t.Errorf("%q is read as %d and %d", name, generation, base)
		}
	})
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
	p := place{store: 3, generation: 2, at: 2048}
	c := testContents()
	b, _ := c.encode(nil, header{number: 6, durable: 2048}, p)
	f.Add(b[:batchHeader])
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := decodeBatchHeader(b, p); err == nil && !bytes.Equal(h.put(nil, p), b[:batchHeader]) {
			t.Errorf("%x decodes as %+v", b, h)
		}
		sector := append(make([]byte, sectorData), b...)[len(b):]
		if h, start, err := decodeSecondHeader(sector, p); err == nil && (start < batchesOffset || start > p.at) {
			t.Errorf("%x decodes as %+v at %d", b, h, start)
		}
	})
}

// FuzzControl: no bytes panic; what decodes is within bounds and survives encoding.
func FuzzControl(f *testing.F) {
	c := testContents()
	f.Add(c.appendControl(nil))
	f.Add(appendRecord(nil, tagTruncate, words(1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeControl(b)
		if err != nil {
			return
		}
		again, err := decodeControl(got.appendControl(nil))
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%x decodes as %+v, then as %+v (%v)", b, got, again, err)
		}
	})
}

// FuzzWalk puts arbitrary bytes over the sectors of a batch: whatever a walk finds is one of the entries
// that the batch has, or says that it cannot be read; each entry is visited once, in order.
func FuzzWalk(f *testing.F) {
	p := place{store: 3, generation: 2, at: 2048}
	block := testBlock(10, 2, 100, 700, 0, 30, 30, 1500, 10)
	whole, h := (&contents{blocks: []*entry.Block{block}}).encode(nil, header{number: 6}, p)
	f.Add([]byte{}, uint16(0))
	f.Add(bytes.Repeat([]byte{0xff}, sectorSize), uint16(sectorSize))
	f.Add(block.Bytes(), uint16(900))
	f.Fuzz(func(t *testing.T, b []byte, at uint16) {
		raw := bytes.Clone(whole)
		copy(raw[min(int(at), len(raw)):], b)
		next := h.first
		w := walker{newExtent(p, raw), func(entry.Header) bool { return true }}
		w.walk(h.head(), h.first, h.last(), func(r run) bool {
			if r.first != next || r.last < r.first || r.pos > r.end {
				t.Fatalf("visited %+v, want entry %d", r, next)
			}
			next = r.last + 1
			return true
		})
		if next != h.last()+1 {
			t.Fatalf("the walk ended before entry %d", next)
		}
	})
}

// FuzzRecover opens a log whose last segment holds arbitrary bytes from some offset on: it recovers,
// or says what is wrong, and what it reports can be read.
func FuzzRecover(f *testing.F) {
	f.Add([]byte{}, uint16(1536))
	f.Add([]byte("BTCH\x00\x00\x00\x00"), uint16(2048))
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
		for i := rec.Base.Index + 1; i <= rec.Last; i++ {
			_, err := l.Read(i, i, 1<<20)
			if bad := clipDamage(rec.Damaged, i, i) != nil; bad != errors.Is(err, entry.ErrCorrupt) || !bad && err != nil {
				t.Errorf("recovered %+v, reading entry %d: %v", rec, i, err)
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
