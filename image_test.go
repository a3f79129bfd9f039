package raft

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"v.io/v23/context"
	"v.io/v23/naming"
	vsecurity "v.io/x/ref/lib/security"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/storage/snapshot"
)

// imageMiB is the size of the image of TestLargeImage. With 2048 the test takes minutes, and twice as
// much space under the temporary directory.
var imageMiB = flag.Int64("image-mib", 32, "size in MiB of the image of TestLargeImage")

// generated is a client whose state is size bytes that a generator makes, so that it stores nothing: an
// image of it is written as it is made, and verified as it is read.
type generated struct {
	size     int64
	restored atomic.Int64
}

func (g *generated) Apply([]byte, Index) error { return nil }

func (g *generated) SaveToSnapshot(_ *context.T, wr io.Writer, response chan<- error) error {
	go func() {
		defer close(response)
		if _, err := io.Copy(wr, g.reader()); err != nil {
			response <- err
		}
	}()
	return nil
}

func (g *generated) RestoreFromSnapshot(_ *context.T, _ Index, rd io.Reader) error {
	want, got, made := g.reader(), make([]byte, 64<<10), make([]byte, 64<<10)
	total := int64(0)
	for {
		n, err := io.ReadFull(rd, got)
		if _, short := io.ReadFull(want, made[:n]); short != nil || !bytes.Equal(got[:n], made[:n]) {
			return fmt.Errorf("the image is wrong at one of the %d bytes from %d on", n, total)
		}
		total += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if total != g.size {
		return fmt.Errorf("an image of %d bytes, want %d", total, g.size)
	}
	g.restored.Store(total)
	return nil
}

// reader makes the state: each 8 bytes are a bijection of their place.
func (g *generated) reader() io.Reader {
	return io.LimitReader(&generator{}, g.size)
}

type generator struct {
	place uint64
	rest  []byte
	word  [8]byte
}

// Read implements io.Reader.
func (g *generator) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(g.rest) == 0 {
			g.place++
			x := g.place * 0x9e3779b97f4a7c15
			binary.LittleEndian.PutUint64(g.word[:], x^x>>29)
			g.rest = g.word[:]
		}
		k := copy(p[n:], g.rest)
		g.rest, n = g.rest[k:], n+k
	}
	return n, nil
}

// countingNetwork counts the bytes of images that are sent, and tells after each piece how many.
type countingNetwork struct {
	network
	sent     *atomic.Int64
	attempts *atomic.Int64
	told     func(sent int64)
}

func (n *countingNetwork) install(ctx *context.T, to entry.MemberID, hello Hello,
	head SnapshotHead) (raftProtoInstallSnapshotClientCall, error) {
	call, err := n.network.install(ctx, to, hello, head)
	n.attempts.Add(1)
	return &countingCall{call, n}, err
}

type countingCall struct {
	raftProtoInstallSnapshotClientCall
	network *countingNetwork
}

func (c *countingCall) SendStream() interface {
	Send(SnapshotPiece) error
	Close() error
} {
	return &countingPieces{c.raftProtoInstallSnapshotClientCall.SendStream(), c.network}
}

type countingPieces struct {
	pieceSender
	network *countingNetwork
}

// Send counts a piece even when sending it fails: part of it may have left.
func (p *countingPieces) Send(item SnapshotPiece) error {
	err := p.pieceSender.Send(item)
	p.network.told(p.network.sent.Add(int64(len(item.Data))))
	return err
}

// anonymous returns the anonymous memory of a process in bytes.
func anonymous(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "RssAnon:"); found {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("the system does not tell RssAnon")
	return 0
}

// joiner starts a member in a process of its own that waits to be added.
func (c *cluster) joiner(image int64) *process {
	c.t.Helper()
	address := freeAddress(c.t)
	p := &process{LogDir: filepath.Join(c.t.TempDir(), "log"), HostPort: address, Join: true, Image: image,
		credentials: filepath.Join(c.t.TempDir(), "credentials")}
	principal, err := vsecurity.CreatePersistentPrincipal(p.credentials, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.root.Bless(principal, "member:joiner"); err != nil {
		c.t.Fatal(err)
	}
	ps := &processes{t: c.t, members: []*process{p}}
	ps.start(0)
	c.t.Cleanup(func() { ps.kill(0) })
	return p
}

// TestLargeImage installs an image on a new member, over a connection that is cut at a quarter, a half
// and three quarters: no more than a chunk is sent again for each cut, and the member's memory does not
// depend on the image's size.
func TestLargeImage(t *testing.T) {
	size := *imageMiB << 20
	c := newCluster(t, 1, func(_ int, config *RaftConfig) { config.SnapshotThreshold = 16 })
	leader := c.members[0]
	c.use(leader, &generated{size: size})
	joiner := c.joiner(size)
	proxy := newLink(t, joiner.HostPort)
	t.Cleanup(func() {
		c.stopAll()
		proxy.close()
	})
	transport := leader.Raft.(*raft).peers
	transport.name = func(entry.MemberID) string { return naming.JoinAddressName(proxy.address(), "") }
	cuts, mu := []int64{size / 4, size / 2, size / 4 * 3}, sync.Mutex{}
	n := &countingNetwork{network: transport.network, sent: new(atomic.Int64), attempts: new(atomic.Int64)}
	n.told = func(sent int64) {
		mu.Lock()
		defer mu.Unlock()
		if len(cuts) > 0 && sent >= cuts[0] {
			cuts = cuts[1:]
			proxy.set(linkCut)
			proxy.set(linkUp)
		}
	}
	transport.network = n
	c.introduce()
	leader.Start()
	for i := range 17 {
		c.append(0, fmt.Sprint("command ", i))
	}
	eventually(t, "the leader has an image and a log that begins behind it", func() bool {
		return hasSnapshot(t, leader.config.LogDir)
	})
	idle, peak := anonymous(t, joiner.cmd.Process.Pid), int64(0)
	began := time.Now()
	added := make(chan error, 1)
	go func() { added <- leader.AddMember(leader.ctx, joiner.HostPort) }()
	for waiting := true; waiting; {
		peak = max(peak, anonymous(t, joiner.cmd.Process.Pid))
		select {
		case err := <-added:
			if err != nil {
				t.Fatal(err)
			}
			waiting = false
		case <-time.After(5 * time.Millisecond):
		}
	}
	again := n.sent.Load() - size
	t.Logf("an image of %d MiB in %v: %d attempts, %d bytes sent again, %d KiB of anonymous memory above %d",
		*imageMiB, time.Since(began).Round(time.Millisecond), n.attempts.Load(), again, (peak-idle)>>10, idle>>10)
	if n.attempts.Load() < 4 || len(cuts) > 0 {
		t.Errorf("%d attempts, cuts left %v: the image was not cut three times", n.attempts.Load(), cuts)
	}
	if again < 0 || again > 3*snapshot.ChunkSize {
		t.Errorf("%d bytes were sent again, want at most 3 chunks of %d", again, snapshot.ChunkSize)
	}
	if peak-idle > 64<<20 {
		t.Errorf("the new member took %d bytes of anonymous memory above idle", peak-idle)
	}
}
