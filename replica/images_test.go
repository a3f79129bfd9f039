package replica

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"v.io/x/ref/lib/raft/entry"
)

// captureAt returns after how many entries of 10 bytes a member captures its state.
func captureAt(id entry.MemberID, policy SnapshotPolicy, seed uint64) int64 {
	s := newImages(&Config{ID: id, Snapshot: policy, Seed: seed})
	for i := int64(1); i < 1_000_000; i++ {
		if s.count(1, 10); s.captureDue(entry.Index(i)) {
			return i
		}
	}
	return -1
}

// TestMembersDoNotCaptureTogether: of members with like ids, each raises its thresholds by its own part of
// an eighth. The part is the same whatever the seed: members that restart together do not meet by chance.
func TestMembersDoNotCaptureTogether(t *testing.T) {
	const entries = 80_000
	for name, policy := range map[string]SnapshotPolicy{
		"entries": {Entries: entries, Bytes: -1}, "bytes": {Entries: -1, Bytes: 10 * entries},
	} {
		for _, format := range []string{"member-%d", "127.0.0.1:%d", "raft-%d.raft.svc.cluster.local:8100"} {
			var at []int64
			for i := range 5 {
				id := entry.MemberID(fmt.Sprintf(format, i))
				n := captureAt(id, policy, 1)
				if n < entries || n > entries+entries/8 {
					t.Errorf("%s: %s captures after %d entries, want %d to an eighth more", name, id, n, entries)
				}
				if again := captureAt(id, policy, 99); again != n {
					t.Errorf("%s: %s captures after %d entries, with another seed after %d", name, id, n, again)
				}
				at = append(at, n)
			}
			slices.Sort(at)
			for i := range at[1:] {
				if at[i+1]-at[i] < entries/1000 {
					t.Errorf("%s: members %s capture after %v entries, two of them nearly together", name, format, at)
				}
			}
		}
	}
}

// TestSmallAndHugeThresholds: a threshold of a few entries is the same at every member, never stays never,
// and the largest number does not overflow.
func TestSmallAndHugeThresholds(t *testing.T) {
	for i := range 100 {
		id := entry.MemberID(fmt.Sprint(i))
		for _, want := range []int64{1, 2, 7} {
			if got := captureAt(id, SnapshotPolicy{Entries: want, Bytes: -1}, 1); got != want {
				t.Errorf("member %s captures after %d entries, want %d", id, got, want)
			}
		}
		got := newImages(&Config{ID: id, Snapshot: SnapshotPolicy{Entries: -1, Bytes: math.MaxInt64}}).every
		if got.Entries != -1 || got.Bytes != math.MaxInt64 {
			t.Errorf("member %s has the thresholds %+v", id, got)
		}
	}
}
