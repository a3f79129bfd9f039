package replica_test

import (
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// pace remembers when something was read, and how many bytes.
type pace struct {
	mu    sync.Mutex
	first time.Time
	bytes int64
}

// read takes note of n bytes.
func (p *pace) read(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first.IsZero() {
		p.first = time.Now()
	}
	p.bytes += int64(n)
}

// judge fails when more than rate bytes a second were read, beside a first piece. least must have been.
func (p *pace) judge(t *testing.T, rate, least int64) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	const piece = 512 << 10 // more than one read has
	if most := piece + rate*int64(time.Since(p.first))/int64(time.Second); p.bytes > most || p.bytes < least {
		t.Errorf("%d bytes were read in %v, at %d a second; want %d to %d", p.bytes, time.Since(p.first), rate, least, most)
	}
}

// pacedLog tells how much of it is verified.
type pacedLog struct {
	healingLog
	pace *pace
}

func (l pacedLog) Verify(from entry.Index, maxBytes int) (entry.Index, []entry.Damage, error) {
	l.pace.read(maxBytes)
	return l.healingLog.Verify(from, maxBytes)
}

// pacedImages tell how much of them is read, and have twenty megabytes more than they have.
type pacedImages struct {
	replica.SnapshotStore
	pace *pace
}

func (s pacedImages) Open(id string, from int64) (io.ReadCloser, error) {
	image, err := s.SnapshotStore.Open(id, from)
	if err != nil {
		return nil, err
	}
	return pacedImage{io.MultiReader(image, strings.NewReader(strings.Repeat("x", 20<<20))), image, s.pace}, nil
}

type pacedImage struct {
	io.Reader
	io.Closer
	pace *pace
}

func (i pacedImage) Read(p []byte) (int, error) {
	n, err := i.Reader.Read(p)
	i.pace.read(n)
	return n, err
}

// TestScrubIsSlow: the background checks of log and images read at most as many bytes in a second as they are
// allowed to, and they do read.
func TestScrubIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 128 << 10
		var log, images pace
		c := newCluster(t, 1, func(_ *member, config *replica.Config) {
			config.Snapshot = replica.SnapshotPolicy{Entries: 20, Trailing: 1000}
			config.Log, config.Snapshots = pacedLog{config.Log.(healingLog), &log}, pacedImages{config.Snapshots, &images}
			config.Limits.ScrubRate = rate
		}).start()
		m := c.leader()
		for range 20 {
			m.propose(strings.Repeat("x", 200<<10))
		}
		m.proposeMany(40, "command")
		m.await("a snapshot", hasSnapshot)
		m.propose(strings.Repeat("x", 200<<10))
		time.Sleep(time.Minute)
		log.judge(t, rate, rate)
		time.Sleep(11 * time.Minute)
		images.judge(t, rate, 5*rate)
	})
}

// countedImages count how many images are open.
type countedImages struct {
	pacedImages
	open *atomic.Int32
}

func (s countedImages) Open(id string, from int64) (io.ReadCloser, error) {
	image, err := s.pacedImages.Open(id, from)
	if err != nil {
		return nil, err
	}
	s.open.Add(1)
	return struct {
		io.Reader
		io.Closer
	}{image, closer(func() error {
		s.open.Add(-1)
		return image.Close()
	})}, nil
}

type closer func() error

func (c closer) Close() error { return c() }

// TestStopLetsGoOfTheImage: a replica that is stopped while it reads an image in the background closes it. The rest
// before a pass is what the limits say.
func TestStopLetsGoOfTheImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rest = time.Minute
		var images pace
		var open atomic.Int32
		c := newCluster(t, 1, func(m *member, config *replica.Config) {
			often(m, config)
			config.Snapshots = countedImages{pacedImages{config.Snapshots, &images}, &open}
			config.Limits.ScrubRate, config.Limits.ImageRest = 128<<10, rest
		}).start()
		began := time.Now()
		m := c.leader()
		m.proposeMany(40, "command")
		m.await("a snapshot", hasSnapshot)
		time.Sleep(rest + 10*time.Second - time.Since(began))
		during := open.Load()
		m.stop()
		if first := images.first.Sub(began); first < rest || during != 1 || open.Load() != 0 {
			t.Errorf("the first read came after %v, want %v; %d images are open, %d after the stop", first, rest, during,
				open.Load())
		}
	})
}

// TestNoScrub: with a negative rate nothing is read in the background.
func TestNoScrub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log, images pace
		c := newCluster(t, 1, func(m *member, config *replica.Config) {
			often(m, config)
			config.Log, config.Snapshots = pacedLog{config.Log.(healingLog), &log}, pacedImages{config.Snapshots, &images}
			config.Limits.ScrubRate = -1
		}).start()
		m := c.leader()
		m.proposeMany(40, "command")
		m.await("a snapshot", hasSnapshot)
		time.Sleep(time.Hour)
		if log.bytes+images.bytes > 0 {
			t.Errorf("%d bytes of the log and %d of images were read", log.bytes, images.bytes)
		}
	})
}

// unreadable fails to verify anything.
type unreadable struct{ healingLog }

func (unreadable) Verify(entry.Index, int) (entry.Index, []entry.Damage, error) {
	return 0, nil, errDisk
}

// TestScrubOfABrokenDisk: a disk that does not answer the scrub is broken like one that does not answer others.
func TestScrubOfABrokenDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, func(_ *member, config *replica.Config) {
			config.Log = unreadable{config.Log.(healingLog)}
		}).start()
		err := ended(t, c.members[0])
		if !errors.Is(err, replica.ErrPoisoned) || !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "scrub") {
			t.Errorf("Err is %v, want ErrPoisoned, the disk's error, and what was done", err)
		}
	})
}
