package session_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/session"
)

// name is a command.
type name struct{ origin, sequence uint64 }

// TestAtMostOnce throws copies of everything that was ever sent, in any order and at any distance,
// at small tables: whatever is forgotten, no command is fresh twice, a duplicate was fresh before,
// and what was refused for good never becomes fresh.
func TestAtMostOnce(t *testing.T) {
	var fresh, duplicate, refused, forgotten int
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		bounds := session.Bounds{
			Origins: 1 + random.IntN(4), Ranges: 1 + random.IntN(4), Life: entry.Index(1 + random.IntN(200)),
		}
		table, mirror := session.New(bounds), session.New(bounds)
		bases, applied, dead := map[uint64]entry.Index{}, map[name]bool{}, map[name]bool{}
		for at := entry.Index(1); at < 1000; at++ {
			if random.IntN(40) == 0 {
				at += entry.Index(random.IntN(80))
			}
			c := name{uint64(1 + random.IntN(8)), uint64(1 + random.IntN(12))}
			if random.IntN(6) == 0 {
				base, drawn := bases[c.origin]
				if !drawn {
					base = at - 1
					bases[c.origin] = base
				}
				mirror.Open(c.origin, base, at)
				if table.Open(c.origin, base, at) == session.Unknown {
					forgotten++
				}
				continue
			}
			_, alive := table.Find(c.origin)
			v := table.Take(c.origin, c.sequence, at)
			mirror.Take(c.origin, c.sequence, at)
			base, drawn := bases[c.origin]
			switch {
			case v == session.Fresh && (applied[c] || dead[c]):
				t.Fatalf("seed %d: %v is fresh at %d: applied before: %v, refused for good: %v", seed, c, at, applied[c], dead[c])
			case v == session.Duplicate && !applied[c]:
				t.Fatalf("seed %d: %v is a duplicate at %d and was never applied", seed, c, at)
			case v == session.Fresh:
				applied[c] = true
				fresh++
			case v == session.Duplicate:
				duplicate++
			case v == session.Below || alive || drawn && base < table.Floor():
				dead[c] = true
				refused++
			}
			checkShape(t, table, bounds)
		}
		if !bytes.Equal(table.Append(nil), mirror.Append(nil)) {
			t.Fatalf("seed %d: two members disagree", seed)
		}
	}
	if fresh < 1000 || duplicate < 1000 || refused < 1000 || forgotten < 1000 {
		t.Errorf("%d fresh, %d duplicates, %d refused, %d openings refused: that proves little",
			fresh, duplicate, refused, forgotten)
	}
}

// checkShape holds a table to its bounds and invariants.
func checkShape(t *testing.T, table *session.Table, bounds session.Bounds) {
	t.Helper()
	if table.Len() > bounds.Origins {
		t.Fatalf("%d sessions, at most %d", table.Len(), bounds.Origins)
	}
	for origin := range uint64(9) {
		s, _ := table.Find(origin)
		if len(s.Seen) > bounds.Ranges || s.Opened > s.Last {
			t.Fatalf("session %+v beyond the bounds %+v", s, bounds)
		}
		end := s.Mark
		for i, r := range s.Seen {
			if r.First <= end || i > 0 && r.First == end+1 || r.Last < r.First {
				t.Fatalf("session %+v is not sorted above its mark", s)
			}
			end = r.Last
		}
	}
}

// golden is a table byte for byte: version 1, bounds 3, 2 and 1000, floor 4; origin 5 opened at 6 and
// used last at 11, mark 1, seen 3 to 4 and 300.
const golden = "01" + "03" + "02" + "e807" + "04" + "01" +
	"0500000000000000" + "06" + "05" + "01" + "02" + "0201" + "a80200"

// The golden table is made by the methods alone: a first session is forgotten, so that the floor
// rises, and one range too many raises the mark.
func TestGoldenTable(t *testing.T) {
	table := session.New(session.Bounds{Origins: 3, Ranges: 2, Life: 1000})
	table.Open(9, 0, 4)
	for i, origin := range []uint64{5, 1, 2} {
		table.Open(origin, 5, entry.Index(6+i))
	}
	at := entry.Index(9)
	for i, sequence := range []uint64{1, 3, 300} {
		table.Take(5, sequence, at+entry.Index(i))
	}
	decoded, err := session.Decode(table.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if decoded.Bounds() != table.Bounds() || decoded.Floor() != 4 || decoded.Len() != 3 {
		t.Errorf("decoded %+v", decoded)
	}
	want, err := hex.DecodeString(golden)
	if err != nil {
		t.Fatal(err)
	}
	from, err := session.Decode(want)
	if err != nil {
		t.Fatalf("the golden table: %v", err)
	}
	s, found := from.Find(5)
	if !found || s.Opened != 6 || s.Last != 11 || s.Mark != 1 || len(s.Seen) != 2 ||
		s.Seen[0] != (session.Range{First: 3, Last: 4}) || s.Seen[1] != (session.Range{First: 300, Last: 300}) {
		t.Errorf("the golden table holds %+v", s)
	}
	table.Take(5, 4, 11)
	if mine, _ := table.Find(5); mine.Mark != s.Mark || mine.Last != s.Last || len(mine.Seen) != len(s.Seen) {
		t.Errorf("the same entries make %+v, golden is %+v", mine, s)
	}
	if got := from.Append(nil); !bytes.Equal(got, want) {
		t.Errorf("encoded again: %x, want %x", got, want)
	}
}

// A decoder takes only what the encoder writes.
func TestDecodeRefuses(t *testing.T) {
	const one = "01" + "03" + "02" + "01" + "00" + "01" + "0100000000000000" + "01" + "00" + "05"
	for what, table := range map[string]string{
		"empty":                 "",
		"another version":       "02" + "03" + "02" + "e807" + "04" + "00",
		"cut":                   golden[:len(golden)-2],
		"one byte more":         golden + "00",
		"no origins allowed":    "01" + "00" + "02" + "e807" + "04" + "00",
		"no ranges allowed":     "01" + "03" + "00" + "e807" + "04" + "00",
		"no life":               "01" + "03" + "02" + "00" + "04" + "00",
		"too many origins":      "01" + "818004" + "02" + "e807" + "04" + "00",
		"more than its bound":   "01" + "01" + "02" + "01" + "00" + "02" + session1("01") + session1("02"),
		"not sorted":            "01" + "03" + "02" + "01" + "00" + "02" + session1("02") + session1("01"),
		"twice":                 "01" + "03" + "02" + "01" + "00" + "02" + session1("01") + session1("01"),
		"origin 0":              "01" + "03" + "02" + "01" + "00" + "01" + session1("00"),
		"a long number":         "01" + "8300" + "02" + "e807" + "04" + "00",
		"seen at the mark":      one + "01" + "0000",
		"touching ranges":       one + "02" + "0100" + "0100",
		"too many ranges":       strings.Replace(one, "0302", "0301", 1) + "02" + "0100" + "0200",
		"sequences that wrap":   one + "01" + "01ffffffffffffffffff01",
		"an index out of reach": "01" + "03" + "02" + "01" + "ffffffffffffffffff01" + "00",
	} {
		b, err := hex.DecodeString(table)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := session.Decode(b); !errors.Is(err, entry.ErrCorrupt) {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	if _, err := session.Decode(make([]byte, session.EncodedMax+1)); !errors.Is(err, entry.ErrCorrupt) {
		t.Errorf("a table beyond EncodedMax: %v", err)
	}
}

// session1 is an encoded session without anything seen.
func session1(origin string) string { return origin + "00000000000000" + "01" + "00" + "00" + "00" }

// The largest table within the default bounds is one that a decoder takes.
func TestLargestTable(t *testing.T) {
	table := session.New(session.Default())
	at := entry.Index(1 << 40)
	for i := range uint64(session.OriginsDefault) {
		table.Open(i<<50+1, at-1, at)
		at++
		for k := range uint64(session.RangesDefault) {
			table.Take(i<<50+1, k<<56|1<<55, at)
			at++
		}
	}
	encoded := table.Append(nil)
	if len(encoded) >= 3<<20 || len(encoded) < 1<<20 {
		t.Errorf("the largest table has %d bytes, documented are less than 3 MiB", len(encoded))
	}
	if _, err := session.Decode(encoded); err != nil {
		t.Error(err)
	}
}

func TestBounds(t *testing.T) {
	good := session.Default()
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*session.Bounds){
		"origins 0": func(b *session.Bounds) { b.Origins = 0 },
		"origins":   func(b *session.Bounds) { b.Origins = session.OriginsMax + 1 },
		"ranges 0":  func(b *session.Bounds) { b.Ranges = 0 },
		"ranges":    func(b *session.Bounds) { b.Ranges = session.RangesMax + 1 },
		"life 0":    func(b *session.Bounds) { b.Life = 0 },
		"life":      func(b *session.Bounds) { b.Life = entry.NumberMax + 1 },
	} {
		b := good
		change(&b)
		if b.Validate() == nil {
			t.Errorf("%s: accepted %+v", name, b)
		}
	}
}

// FuzzDecode feeds a decoder with anything: it never panics, and what it takes encodes to the same.
func FuzzDecode(f *testing.F) {
	b, err := hex.DecodeString(golden)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(session.New(session.Default()).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		table, err := session.Decode(b)
		if err != nil {
			return
		}
		if got := table.Append(nil); !bytes.Equal(got, b) {
			t.Errorf("%x encodes to %x", b, got)
		}
		if got := table.Clone().Append(nil); !bytes.Equal(got, b) {
			t.Errorf("the clone of %x encodes to %x", b, got)
		}
		// It can be gone on with.
		table.Open(77, 1<<50, 1<<51)
		table.Take(77, 1, 1<<51+1)
	})
}

// BenchmarkTake is the cost of one command among three origins, each in runs.
func BenchmarkTake(b *testing.B) {
	table := session.New(session.Default())
	for origin := range uint64(3) {
		table.Open(origin+1, 0, entry.Index(origin+1))
	}
	b.ReportAllocs()
	for i := range b.N {
		table.Take(uint64(i/64%3+1), uint64(i+1), entry.Index(i+4))
	}
}
