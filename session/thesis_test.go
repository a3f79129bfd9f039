package session_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/session"
)

const none = session.Verdict(0)

// small are bounds that a test reaches.
var small = session.Bounds{Origins: 3, Ranges: 3, Life: 100}

// desk feeds a table with entries in the order of a log.
type desk struct {
	t     *testing.T
	table *session.Table
	at    entry.Index
}

func newDesk(t *testing.T) *desk { return &desk{t: t, table: session.New(small)} }

// open opens a session whose proposer knows the log as it is.
func (d *desk) open(origin uint64) session.Verdict { return d.openFrom(origin, d.at) }

func (d *desk) openFrom(origin uint64, base entry.Index) session.Verdict {
	d.at++
	return d.table.Open(origin, base, d.at)
}

func (d *desk) take(origin, sequence uint64) session.Verdict {
	d.at++
	return d.table.Take(origin, sequence, d.at)
}

// want takes commands of one origin and compares each verdict.
func (d *desk) want(origin uint64, want session.Verdict, sequences ...uint64) {
	d.t.Helper()
	for _, n := range sequences {
		if got := d.take(origin, n); got != want {
			d.t.Errorf("command %d of origin %d at index %d: %v, want %v", n, origin, d.at, got, want)
		}
	}
}

func (d *desk) wantOpen(origin uint64, base entry.Index, want session.Verdict) {
	d.t.Helper()
	if got := d.openFrom(origin, base); got != want {
		d.t.Errorf("opening origin %d with base %d at index %d: %v, want %v", origin, base, d.at, got, want)
	}
}

// Each client numbers its commands, and the state machine remembers per client what it has executed
// (thesis, section 6.3): what comes a second time is not executed again, whoever else spoke in between.
func TestThesisExecutedOnce(t *testing.T) {
	d := newDesk(t)
	d.open(7)
	d.open(8)
	d.want(7, session.Fresh, 1, 2, 3)
	d.want(8, session.Fresh, 1)
	d.want(7, session.Duplicate, 1, 2, 3)
	d.want(8, session.Duplicate, 1)
	d.want(7, session.Fresh, 4)
}

// One client may have many requests under way when its session remembers a set of numbers and not only
// the newest (thesis, section 6.3): commands may come out of order, and gaps stay open.
func TestThesisConcurrentRequests(t *testing.T) {
	d := newDesk(t)
	d.open(7)
	d.want(7, session.Fresh, 5, 2, 1, 4, 3)
	d.want(7, session.Duplicate, 1, 2, 3, 4, 5)
	s, _ := d.table.Find(7)
	if len(s.Seen) != 1 || s.Seen[0] != (session.Range{First: 1, Last: 5}) || s.Mark != 0 {
		t.Errorf("five commands leave %+v, want one range", s)
	}
}

// The set needs a lower end below which nothing is remembered (thesis, section 6.3, where the client
// states it). Here the table draws that line itself when there are too many gaps: what lies below is
// refused, seen or not, and never called a duplicate, which a caller could take for a success.
func TestThesisBelowTheMark(t *testing.T) {
	d := newDesk(t)
	d.open(7)
	d.want(7, session.Fresh, 1, 3, 5)
	if s, _ := d.table.Find(7); s.Mark != 0 || len(s.Seen) != 3 {
		t.Fatalf("within the bound the mark moved: %+v", s)
	}
	d.want(7, session.Fresh, 7)
	d.want(7, session.Below, 1, 0)
	d.want(7, session.Fresh, 2) // A gap that is still open: nothing below it was passed over.
	d.want(7, session.Duplicate, 3, 5, 7)
	d.want(7, session.Fresh, 9)
	d.want(7, session.Below, 3, 2, 1)
	d.want(7, session.Fresh, math.MaxUint64)
	d.want(7, session.Duplicate, math.MaxUint64)
	d.want(7, session.Below, 0)
}

// Sessions expire, and all members must expire the same ones at the same place of the log (thesis,
// section 6.3): by the log's index, and when there are too many, by the order of their last use.
func TestThesisExpiry(t *testing.T) {
	d := newDesk(t)
	d.open(7)
	d.want(7, session.Fresh, 1)
	d.at += small.Life - 1
	d.want(7, session.Duplicate, 1) // Life entries after its last: still there.
	d.at += small.Life
	d.want(7, session.Unknown, 1, 2)
	if d.table.Len() != 0 {
		t.Errorf("an expired session is kept")
	}

	d = newDesk(t)
	for origin := range uint64(3) {
		d.open(origin + 1)
	}
	d.want(1, session.Fresh, 1)
	d.open(4)
	d.want(2, session.Unknown, 1) // The one that was used longest ago.
	d.want(1, session.Duplicate, 1)
	d.want(3, session.Fresh, 1)
	d.want(4, session.Fresh, 1)
}

// A client that is still active and whose session has expired must not be taken for a new one, or its
// commands could be executed twice (thesis, section 6.3). So no copy of anything that an expired
// session ever sent, its opening included, has an effect.
func TestThesisExpiredStaysExpired(t *testing.T) {
	for name, expire := range map[string]func(*desk){
		"by age": func(d *desk) { d.at += small.Life + 1 },
		"by number": func(d *desk) {
			for origin := range uint64(3) {
				d.open(origin + 100)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.at = 50
			base := d.at
			d.wantOpen(7, base, session.Fresh)
			d.want(7, session.Fresh, 1)
			expire(d)
			d.want(7, session.Unknown, 1)
			d.wantOpen(7, base, session.Unknown)
			d.want(7, session.Unknown, 1, 2)
			if d.table.Floor() <= base {
				t.Errorf("the floor is %d, the expired session's base %d", d.table.Floor(), base)
			}
			// An origin that knows the log as it is begins at once.
			d.wantOpen(9, d.at, session.Fresh)
			d.want(9, session.Fresh, 1)
		})
	}
}

// A session begins with its opening only, once, and with a base that lies before it.
func TestOpen(t *testing.T) {
	d := newDesk(t)
	d.want(7, session.Unknown, 1)
	d.wantOpen(0, 0, session.Unknown)
	d.wantOpen(7, d.at+1, session.Unknown) // Nobody knows an entry before it is there.
	d.wantOpen(7, d.at, session.Fresh)
	d.want(7, session.Fresh, 1)
	d.wantOpen(7, 0, session.Duplicate)
	d.wantOpen(7, d.at+50, session.Duplicate)
	d.want(7, session.Duplicate, 1)
}

// Opening again keeps a session alive, as every entry of its origin does.
func TestOpenTouches(t *testing.T) {
	d := newDesk(t)
	d.open(7)
	for range 5 {
		d.at += small.Life - 1
		d.wantOpen(7, 0, session.Duplicate)
	}
	d.want(7, session.Fresh, 1)
}

// The sessions are part of the replicated state and so of every snapshot (thesis, sections 5 and 6.3): a
// member that goes on from a decoded table decides as one that has seen everything.
func TestThesisSnapshots(t *testing.T) {
	d := newDesk(t)
	d.open(7)
	d.open(8)
	d.want(7, session.Fresh, 1, 2, 4, 6, 8)
	d.want(8, session.Fresh, 3)
	restored, err := session.Decode(d.table.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	e := &desk{t: t, table: restored, at: d.at}
	for _, each := range []*desk{d, e, {t: t, table: d.table.Clone(), at: d.at}} {
		each.want(7, session.Below, 1, 2)
		each.want(7, session.Duplicate, 4, 6, 8)
		each.want(7, session.Fresh, 5)
		each.want(8, session.Duplicate, 3)
		each.want(9, session.Unknown, 1)
	}
	if !bytes.Equal(d.table.Append(nil), e.table.Append(nil)) {
		t.Error("the restored table went another way")
	}
}

func TestVerdictNames(t *testing.T) {
	for v, want := range map[session.Verdict]string{
		session.Fresh: "fresh", session.Duplicate: "duplicate", session.Below: "below the mark",
		session.Unknown: "unknown session", none: "verdict 0",
	} {
		if got := fmt.Sprint(v); got != want {
			t.Errorf("verdict %d is %q, want %q", uint8(v), got, want)
		}
	}
}
