package storage_test

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage"
	"v.io/x/ref/lib/raft/storage/damage"
	"v.io/x/ref/lib/raft/storage/wal"
)

// trio is a member set, of which the directory of these tests is host:1.
var trio = entry.Configuration{Cluster: entry.ClusterID{7}, Members: []entry.Member{
	{ID: "host:1", Incarnation: 0xabcdef}, {ID: "host:2"}, {ID: "host:3"},
}}

// lonely is the set of which it is the only voter.
var lonely = entry.Configuration{Cluster: entry.ClusterID{7}, Members: []entry.Member{
	{ID: "host:1", Incarnation: 0xabcdef}, {ID: "host:2", Learner: true},
}}

// configurationAt is a batch with a configuration as entry i.
func configurationAt(i entry.Index, c entry.Configuration) *entry.Batch {
	payload := entry.AppendConfiguration(nil, c)
	var b entry.Builder
	b.Add(entry.Header{Kind: entry.KindConfiguration, Index: i, Term: 1, Size: uint32(len(payload)),
		PayloadSum: entry.Checksum(payload)}, payload)
	return &entry.Batch{Blocks: []*entry.Block{b.Block()}}
}

// lastVote is whom the newest vote is for: a name that stands nowhere else.
const lastVote = "the one who got the newest vote"

// voter makes a member's directory in disk: what life does, and then a vote.
func voter(disk *vfs.Memory, life func(d *storage.Dir) error) error {
	o := options
	o.SegmentSize = wal.SegmentSizeMin
	d, err := storage.Open(disk, "member", o)
	if err != nil {
		return err
	}
	if _, err = d.Log().Recover(); err != nil {
		return err
	}
	hard := entry.HardState{Term: 3, Vote: "an earlier one"}
	if err := d.Log().Store(&entry.Batch{Hard: &hard}); err != nil {
		return err
	}
	if err := life(d); err != nil {
		return err
	}
	hard = entry.HardState{Term: 4, Vote: lastVote}
	if err := d.Log().Store(&entry.Batch{Hard: &hard}); err != nil {
		return err
	}
	return d.Close()
}

// longLife is one that leaves several segments, an image and a spare.
func longLife(d *storage.Dir) error {
	err := errors.Join(d.SetInitial([]entry.MemberID{"host:1", "host:2", "host:3"}, []byte("print")),
		d.SetCluster(trio.Cluster), d.Log().Store(configurationAt(1, trio)))
	for i := entry.Index(2); i <= 24 && err == nil; i++ {
		err = d.Log().Store(&entry.Batch{Blocks: []*entry.Block{blockOf(i)}})
	}
	if err != nil {
		return err
	}
	sink, err := d.Snapshots().Create(entry.SnapshotMeta{Index: 18, Term: 1, Configuration: trio})
	if err != nil {
		return err
	}
	if _, err = sink.Commit(); err != nil {
		return err
	}
	return d.Log().Compact(10)
}

// loseVote flips a bit in each of the copies of a vote.
func loseVote(disk *vfs.Memory, vote string) error {
	infos, err := disk.ReadDir("member")
	if err != nil {
		return err
	}
	copies := 0
	for _, info := range infos {
		name := path.Join("member", info.Name)
		if info.Dir || !strings.HasSuffix(name, ".log") {
			continue
		}
		content, err := vfs.ReadFile(disk, name, 1<<20)
		if err != nil {
			return err
		}
		for at := 0; ; copies++ {
			next := strings.Index(string(content[at:]), vote)
			if next < 0 {
				break
			}
			at += next + 1
			if err := disk.Damage(name, int64(at), 1); err != nil {
				return err
			}
		}
	}
	if copies < 2 {
		return fmt.Errorf("the newest vote stands on the disk %d times", copies)
	}
	return nil
}

// memberFiles returns the files of log and images in a directory.
func memberFiles(fsys vfs.FS, dir string) (map[string]string, error) {
	infos, err := fsys.ReadDir(dir)
	all := make(map[string]string)
	for _, info := range infos {
		if info.Dir || info.Name == "LOCK" || strings.HasPrefix(info.Name, "identity") {
			continue
		}
		content, err := vfs.ReadFile(fsys, path.Join(dir, info.Name), 1<<20)
		if err != nil {
			return nil, err
		}
		all[info.Name] = string(content)
	}
	return all, err
}

const lostDir = "member/lost-0000000000abcdef"

// anew is how these tests open a directory whose vote is lost.
func anew(incarnation entry.Incarnation) storage.Options {
	return storage.Options{Incarnation: incarnation, SegmentSize: wal.SegmentSizeMin, Renew: true}
}

// renewed opens a directory whose vote was lost, and checks that it is begun anew: another incarnation, of the
// same member, with nothing of the former one's, and that every byte of that is beside it.
func renewed(disk vfs.FS, incarnation entry.Incarnation, old map[string]string) (*storage.Dir, entry.Recovered, error) {
	d, err := storage.Open(disk, "member", anew(incarnation))
	if err != nil {
		return nil, entry.Recovered{}, err
	}
	rec, err := d.Log().Recover()
	if err != nil {
		return nil, rec, err
	}
	id := d.Identity()
	if id.Incarnation == 0xabcdef || id.Former != 0xabcdef || id.Moving || !id.Started || id.Member != "host:1" {
		return nil, rec, fmt.Errorf("the identity is %+v", id)
	}
	if list, err := d.Snapshots().List(); err != nil || len(list) > 0 {
		return nil, rec, fmt.Errorf("the new life has images %v: %w", list, err)
	}
	if rec.Hard.Vote == lastVote || rec.Hard.Term == 3 || rec.Last > 1 {
		return nil, rec, fmt.Errorf("the new life begins with %+v", rec)
	}
	if kept, err := memberFiles(disk, lostDir); err != nil || !reflect.DeepEqual(kept, old) {
		return nil, rec, fmt.Errorf("of %d files of the former life %d are set aside, or others: %w", len(old), len(kept),
			err)
	}
	return d, rec, nil
}

// TestRenew: a member whose newest vote is lost begins anew, when it is asked to; without being asked its
// directory is refused. What was lost can be looked at where it was set aside, and again after a second loss.
func TestRenew(t *testing.T) {
	disk := vfs.NewMemory()
	if err := errors.Join(voter(disk, longLife), loseVote(disk, lastVote)); err != nil {
		t.Fatal(err)
	}
	old, err := memberFiles(disk, "member")
	if err != nil || len(old) < 3 {
		t.Fatalf("%d files, %v", len(old), err)
	}
	identity := listing(t, disk.Crash(vfs.Keep), "member")["identity"]
	d := open(t, disk, "member", options)
	if _, err := d.Log().Recover(); !errors.Is(err, damage.ErrVoteLost) || d.Renewal() != nil {
		t.Fatalf("not to be renewed, it recovers with %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d, rec, err := renewed(disk, 0xfeed, old)
	if err != nil || rec.Hard != (entry.HardState{}) || rec.Last != 0 {
		t.Fatalf("recovered %+v, %v", rec, err)
	}
	r := d.Renewal()
	if r == nil || r.Former != 0xabcdef || r.Incarnation != 0xfeed || r.Aside != lostDir ||
		!errors.Is(r.Cause, damage.ErrVoteLost) || !strings.Contains(r.Cause.Error(), ".log is damaged at byte") {
		t.Errorf("the renewal is told as %+v", r)
	}
	if id := d.Identity(); id.Cluster != trio.Cluster || len(id.Initial) != 3 {
		t.Errorf("it forgot whose it is: %+v", id)
	}
	if content := listing(t, disk, lostDir)["identity"]; content != identity {
		t.Errorf("set aside with the identity %q", content)
	}
	hard := entry.HardState{Term: 9, Vote: "one of its new life"}
	err = errors.Join(d.Log().Store(configurationAt(1, trio)), d.Log().Store(&entry.Batch{Hard: &hard}), d.Close())
	if err != nil {
		t.Fatal(err)
	}
	if d, rec, err = renewed(disk.Crash(vfs.Keep), 0xbeef, old); err != nil || rec.Hard != hard || d.Renewal() != nil {
		t.Fatalf("started again, it recovers %+v, %v", rec, err)
	}
	loseAgain(t, disk, string(hard.Vote), old)
	aside := open(t, disk, lostDir, storage.Options{Incarnation: 1, Salvage: true})
	rec, err = aside.Log().Recover()
	if err != nil || rec.Last != 24 || rec.Hard != (entry.HardState{}) || aside.Identity().Incarnation != 0xabcdef {
		t.Errorf("salvaged %+v, %v", rec, err)
	}
	if err := aside.Log().Store(&entry.Batch{Hard: &hard}); err == nil {
		t.Error("a vote was stored where the newest one is lost")
	}
	if err := aside.Close(); err != nil {
		t.Fatal(err)
	}
}

// loseAgain takes the vote of a directory that has begun anew: it does so once more, and both lives are kept.
func loseAgain(t *testing.T, disk *vfs.Memory, vote string, old map[string]string) {
	t.Helper()
	second, err := memberFiles(disk, "member")
	if err := errors.Join(err, loseVote(disk, vote)); err != nil {
		t.Fatal(err)
	}
	d := open(t, disk, "member", anew(0xbeef))
	if id := d.Identity(); id.Incarnation != 0xbeef || id.Former != 0xfeed {
		t.Errorf("after the second loss: %+v", id)
	}
	if first, err := memberFiles(disk, lostDir); err != nil || !reflect.DeepEqual(first, old) {
		t.Errorf("what was set aside first has %d files now, of %d: %v", len(first), len(old), err)
	}
	all, err := storage.ListAside(disk, "member")
	if err != nil || len(all) != 2 || all[1].Path != lostDir || all[1].Files != len(old) || all[0].Files != len(second) ||
		all[1].Bytes < 8<<10 {
		t.Errorf("set aside: %+v, %v", all, err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRenewOnlyWhereOthersAre: who is the only voter, or cannot tell, does not begin anew: nobody else may have
// what it holds. It is refused with what to do, and nothing is changed.
func TestRenewOnlyWhereOthersAre(t *testing.T) {
	initial := func(ids ...entry.MemberID) func(*storage.Dir) error {
		return func(d *storage.Dir) error { return d.SetInitial(ids, []byte("print")) }
	}
	logged := func(all ...entry.Configuration) func(*storage.Dir) error {
		return func(d *storage.Dir) (err error) {
			for i, c := range all {
				err = errors.Join(err, d.Log().Store(configurationAt(entry.Index(i+1), c)))
			}
			return err
		}
	}
	image := func(c entry.Configuration) func(*storage.Dir) error {
		return func(d *storage.Dir) error {
			sink, err := d.Snapshots().Create(entry.SnapshotMeta{Index: 1, Term: 1, Configuration: c})
			if err == nil {
				_, err = sink.Commit()
			}
			return err
		}
	}
	truncated := func(d *storage.Dir) error {
		return d.Log().Store(&entry.Batch{TruncateFrom: 2})
	}
	learner := entry.Configuration{Members: []entry.Member{{ID: "host:1", Learner: true}, {ID: "host:2"}}}
	for _, row := range []lostVote{
		{"one of three", []func(*storage.Dir) error{logged(trio)}, ""},
		{"the only voter", []func(*storage.Dir) error{logged(lonely)}, "the only voter"},
		{"the only voter since", []func(*storage.Dir) error{logged(trio, lonely)}, "the only voter"},
		{"the only voter before", []func(*storage.Dir) error{logged(lonely, trio)}, ""},
		{"the only voter before, and again", []func(*storage.Dir) error{logged(lonely, trio), truncated}, "the only voter"},
		{"the only voter by its image", []func(*storage.Dir) error{initial("host:1", "host:2", "host:3"), image(lonely)},
			"the only voter"},
		{"one of three by its image", []func(*storage.Dir) error{initial("host:1"), image(trio)}, ""},
		{"one of three behind its image", []func(*storage.Dir) error{logged(lonely, trio), image(lonely)}, ""},
		{"a learner", []func(*storage.Dir) error{logged(learner)}, ""},
		{"a founder among three", []func(*storage.Dir) error{initial("host:1", "host:2", "host:3")}, ""},
		{"a founder alone", []func(*storage.Dir) error{initial("host:1")}, "the only voter"},
		{"who knows of nobody", nil, "no member set can be read"},
	} {
		t.Run(row.name, func(t *testing.T) { row.check(t) })
	}
}

// lostVote is a life at whose end the newest vote is lost.
type lostVote struct {
	name string
	life []func(*storage.Dir) error
	says string // "" when it begins anew
}

// check loses the vote and opens the directory.
func (row *lostVote) check(t *testing.T) {
	disk := vfs.NewMemory()
	if err := errors.Join(voter(disk, func(d *storage.Dir) (err error) {
		for _, do := range row.life {
			err = errors.Join(err, do(d))
		}
		return err
	}), loseVote(disk, lastVote)); err != nil {
		t.Fatal(err)
	}
	before := listing(t, disk, "member")
	d, err := storage.Open(disk, "member", anew(0xfeed))
	if row.says == "" {
		if err != nil || d.Identity().Incarnation != 0xfeed {
			t.Fatal(err)
		}
		return
	}
	if !errors.Is(err, damage.ErrVoteLost) || !strings.Contains(err.Error(), row.says) ||
		!strings.Contains(err.Error(), "raftctl recover plan member") {
		t.Fatalf("got %v", err)
	}
	if !reflect.DeepEqual(before, listing(t, disk, "member")) {
		t.Error("the directory was changed")
	}
	if n := disk.OpenFiles(); n != 0 {
		t.Errorf("%d files are open", n)
	}
}

// TestCrashRenew cuts the power before every change that a member makes while it begins anew, and votes and
// stores then. Whatever is left, the next start goes on to the same end: no vote of the former life is served, nor
// none under the former incarnation; of the former life nothing is lost; and what the new life was told to have
// done it has.
func TestCrashRenew(t *testing.T) {
	e := vfs.Exploration{Exhaustive: 6, Seeds: 32}
	if *crashLong {
		e = vfs.Exploration{Exhaustive: 12, Seeds: 4096}
	}
	var old map[string]string
	e.Disk = func() (*vfs.Memory, error) {
		disk := vfs.NewMemory()
		err := errors.Join(voter(disk, longLife), loseVote(disk, lastVote))
		if err == nil {
			disk = disk.Crash(vfs.Keep)
			old, err = memberFiles(disk, "member")
		}
		return disk, err
	}
	under := ""
	e.Operations = func() []string { return []string{under} }
	e.Work = func(fsys vfs.FS) (func(*vfs.Memory) error, error) {
		var acked, tried deeds
		began := false
		under = "renew"
		d, err := storage.Open(fsys, "member", anew(0xfeed))
		if err == nil {
			began, under = true, "vote"
			tried.hard = entry.HardState{Term: 9, Vote: "new"}
			err = d.Log().Store(&entry.Batch{Hard: &tried.hard})
		}
		if err == nil {
			acked, under = tried, "append"
			tried.last = 1
			err = d.Log().Store(configurationAt(1, trio))
		}
		if err == nil {
			acked = tried
		}
		if errors.Is(err, vfs.ErrPower) {
			err = nil
		}
		return func(after *vfs.Memory) error { return begunAnew(after, old, began, acked, tried) }, err
	}
	explored, err := e.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("explored %v", explored)
	if renew := explored.Operations["renew"]; renew.Points < 20 || renew.States < 200 {
		t.Error("crashes of the renewal were hardly explored")
	}
}

// begunAnew checks what a crash left of a member that began anew.
func begunAnew(after *vfs.Memory, old map[string]string, began bool, acked, tried deeds) error {
	top, err := memberFiles(after, "member")
	if err != nil {
		return err
	}
	aside, err := memberFiles(after, lostDir)
	if began && err != nil {
		return err
	}
	for name, content := range old {
		if top[name] != content && aside[name] != content {
			return fmt.Errorf("%s of the former life is in neither place", name)
		}
	}
	d, rec, err := renewed(after, 0xbeef, old)
	if err != nil {
		return err
	}
	if id := d.Identity(); began && id.Incarnation != 0xfeed {
		return fmt.Errorf("what began anew as feed goes on as %x", id.Incarnation)
	}
	if rec.Hard != acked.hard && rec.Hard != tried.hard || rec.Last != acked.last && rec.Last != tried.last {
		return fmt.Errorf("recovered %+v, acknowledged was %+v, under way %+v", rec, acked, tried)
	}
	return d.Close()
}
