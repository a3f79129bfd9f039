package replica_test

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

var errBroken = errors.New("the connection broke")

// opening is one attempt to send an image.
type opening struct {
	id   string
	from int64
}

// breakingImages are the sender's: attempts end after so many bytes, the last one goes through.
type breakingImages struct {
	replica.SnapshotStore
	mu     sync.Mutex
	breaks []int64
	opened []opening
}

func (s *breakingImages) Open(id string, from int64) (io.ReadCloser, error) {
	reader, err := s.SnapshotStore.Open(id, from)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = append(s.opened, opening{id, from})
	if err != nil || len(s.breaks) == 0 {
		return reader, err
	}
	after := s.breaks[0]
	s.breaks = s.breaks[1:]
	return &breakingImage{ReadCloser: reader, left: after}, nil
}

type breakingImage struct {
	io.ReadCloser
	left int64
}

func (r *breakingImage) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, errBroken
	}
	n, err := r.ReadCloser.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	return n, err
}

// partialImages are the receiver's: what arrived of an image is kept, as on a disk.
type partialImages struct {
	replica.SnapshotStore
	parts map[string][]byte
}

func (s *partialImages) Resume(meta entry.SnapshotMeta) (replica.SnapshotSink, int64, error) {
	sink, _, err := s.SnapshotStore.Resume(meta)
	if err != nil {
		return nil, 0, err
	}
	part := s.parts[meta.ID]
	if _, err := sink.Write(part); err != nil {
		return nil, 0, err
	}
	return &partialSink{SnapshotSink: sink, images: s, id: meta.ID}, int64(len(part)), nil
}

type partialSink struct {
	replica.SnapshotSink
	images *partialImages
	id     string
}

func (s *partialSink) Write(p []byte) (int, error) {
	s.images.parts[s.id] = append(s.images.parts[s.id], p...)
	return s.SnapshotSink.Write(p)
}

// TestSnapshotResumes breaks the transfer of an image twice while commands go on and newer images are
// taken: the same image goes on where it stopped, and the entries after it are still there, so that the
// member needs no other one.
func TestSnapshotResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		senders := map[entry.MemberID]*breakingImages{}
		partial := &partialImages{parts: map[string][]byte{}}
		away := entry.MemberID("")
		c := newCluster(t, 3, func(m *member, config *replica.Config) {
			often(m, config)
			if m.id == away {
				partial.SnapshotStore = config.Snapshots
				config.Snapshots = partial
				return
			}
			senders[m.id] = &breakingImages{SnapshotStore: config.Snapshots, breaks: []int64{300, 400}}
			config.Snapshots = senders[m.id]
		}).start()
		c.proposeMany(5, "together")
		m := c.follower()
		away = m.id
		m.stop()
		c.proposeMany(100, "without one")
		leader := c.leader()
		sender := senders[leader.id]
		synctest.Wait() // what is on its way to the stopped member is lost
		m.start()
		attempts := func() int {
			sender.mu.Lock()
			defer sender.mu.Unlock()
			return len(sender.opened)
		}
		for i := 1; attempts() < 3; i++ {
			if n := attempts(); n > 0 && i%20 == 0 && n*10 > i {
				leader.propose(fmt.Sprintf("meanwhile %d", i))
			}
			if i > 5000 {
				t.Fatalf("%d attempts", attempts())
			}
			<-time.After(time.Millisecond)
		}
		c.proposeMany(5, "with all")
		c.converge()
		first := sender.opened[0]
		want := []opening{first, {first.id, 300}, {first.id, 700}}
		if len(sender.opened) != 3 || sender.opened[1] != want[1] || sender.opened[2] != want[2] {
			t.Errorf("attempts %v, want %v", sender.opened, want)
		}
		if n := len(m.machine.restored); n != 1 {
			t.Errorf("%d images were installed, want 1", n)
		}
	})
}

// TestBrokenSnapshotHoldsTheLog takes a newer image while the transfer of one is broken: the log is not
// cut beyond the broken one, so that the member that gets it goes on with entries.
func TestBrokenSnapshotHoldsTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := entry.MemberID("")
		c := newCluster(t, 3, func(m *member, config *replica.Config) {
			often(m, config)
			if m.id != away {
				config.Snapshots = &breakingImages{SnapshotStore: config.Snapshots, breaks: []int64{100}}
			}
		}).start()
		c.proposeMany(5, "together")
		m := c.follower()
		away = m.id
		m.stop()
		c.proposeMany(60, "without one")
		leader := c.leader()
		events := leader.Subscribe(0)
		defer events.Close()
		synctest.Wait() // what is on its way to the stopped member is lost
		m.start()
		var broken replica.Event
		for broken.Kind != replica.EventSnapshotSent {
			broken = <-events.Events()
		}
		if broken.Err == nil || broken.Member != m.id {
			t.Fatalf("%+v, want a broken transfer", broken)
		}
		for i := 0; leader.Status().Snapshot.Index <= broken.Index; i++ { // not two more: the store keeps two
			leader.propose(fmt.Sprintf("meanwhile %d", i))
			synctest.Wait()
		}
		c.converge()
		if got := m.machine.restored; len(got) != 1 || got[0] != broken.Index {
			t.Errorf("installed the images up to %v, want only the one up to %d", got, broken.Index)
		}
	})
}

// TestImageProgress shows how far an image has come while it is on its way.
func TestImageProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		c := newCluster(t, 3, func(m *member, config *replica.Config) {
			often(m, config)
			config.Snapshots = &gatedImages{config.Snapshots, gate}
		}).start()
		c.proposeMany(5, "together")
		m := c.follower()
		m.stop()
		c.proposeMany(60, "without one")
		leader := c.leader()
		synctest.Wait() // what is on its way to the stopped member is lost
		m.start()
		leader.await("an image on its way", func(replica.Status) bool {
			return len(leader.Stats().Images) == 1 && leader.Stats().Images[0].Sent > 0
		})
		p := leader.Stats().Images[0]
		if p.To != m.id || p.Sent != 64 || p.Resumed != 0 || p.Size <= 64 || p.Index == 0 {
			t.Errorf("%+v", p)
		}
		leader.await("the leader's picture of the member", func(replica.Status) bool {
			for _, peer := range leader.Stats().Peers {
				if peer.ID == m.id {
					return peer.Snapshot && peer.Match < p.Index
				}
			}
			return false
		})
		close(gate)
		c.converge()
		leader.await("the end of the transfer", func(replica.Status) bool { return len(leader.Stats().Images) == 0 })
	})
}

// gatedImages give 64 bytes of an image, and the rest when the gate is open.
type gatedImages struct {
	replica.SnapshotStore
	gate chan struct{}
}

func (s *gatedImages) Open(id string, from int64) (io.ReadCloser, error) {
	reader, err := s.SnapshotStore.Open(id, from)
	return &gatedImage{ReadCloser: reader, gate: s.gate}, err
}

type gatedImage struct {
	io.ReadCloser
	gate  chan struct{}
	begun bool
}

func (r *gatedImage) Read(p []byte) (int, error) {
	if r.begun {
		<-r.gate
		return r.ReadCloser.Read(p)
	}
	r.begun = true
	return r.ReadCloser.Read(p[:min(len(p), 64)])
}
