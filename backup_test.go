package raft

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"sync"
	"testing"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/verror"

	"v.io/x/ref/lib/raft/entry"
)

// backupOf asks a member for a backup and returns the image.
func backupOf(ctx *context.T, m *member) (meta entry.SnapshotMeta, image []byte, err error) {
	call, err := MemberClient(naming.JoinAddressName(m.ID(), "")).Backup(ctx, callOpts...)
	if err != nil {
		return meta, nil, err
	}
	pieces := call.RecvStream()
	last := false
	for pieces.Advance() {
		piece := pieces.Value()
		if meta.ID == "" {
			if meta, err = piece.Head.Meta(); err != nil {
				return meta, nil, errors.Join(err, call.Finish())
			}
		}
		image, last = append(image, piece.Data...), piece.Last
	}
	if err := call.Finish(); err != nil {
		return meta, nil, err
	}
	if !last {
		return meta, nil, io.ErrUnexpectedEOF
	}
	return meta, image, nil
}

// TestBackupIsConsistent: while commands are appended, a backup from any member has every one that was
// acknowledged before it was asked for, in order and without gaps, and is what its description says.
func TestBackupIsConsistent(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, func(_ int, config *RaftConfig) { config.SnapshotThreshold = 50 })
	var mu sync.Mutex
	var acknowledged []string
	appending, stop := sync.WaitGroup{}, make(chan struct{})
	appending.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			cmd := fmt.Sprint("command ", i)
			c.append(0, cmd)
			mu.Lock()
			acknowledged = append(acknowledged, cmd)
			mu.Unlock()
		}
	})
	defer appending.Wait()
	defer close(stop)
	for i := range 9 {
		eventually(t, "more commands", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(acknowledged) > 20*i+20
		})
		mu.Lock()
		want := slices.Clone(acknowledged)
		mu.Unlock()
		m := c.members[i%3]
		meta, image, err := backupOf(m.ctx, m)
		if err != nil {
			t.Fatal(err)
		}
		if meta.Size != int64(len(image)) || meta.Checksum != crc32.Checksum(image, crc32.MakeTable(crc32.Castagnoli)) {
			t.Errorf("%d bytes came, announced were %d, or the checksum is another", len(image), meta.Size)
		}
		var got []journalEntry
		if err := json.NewDecoder(bytes.NewReader(image)).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if len(got) < len(want) || got[len(got)-1].Index > Index(meta.Index) {
			t.Fatalf("the backup has %d commands up to %d, %d were acknowledged before", len(got), meta.Index, len(want))
		}
		for k := range got {
			if got[k].Cmd != fmt.Sprint("command ", k) {
				t.Fatalf("command %d of the backup is %q", k, got[k].Cmd)
			}
		}
	}
}

// TestBackupOfDamage: an image that turns out to be damaged ends the backup in an error, never in a file that
// looks whole; another image is taken, and the next backup is right.
func TestBackupOfDamage(t *testing.T) {
	c := startCluster(t, 1, func(_ int, config *RaftConfig) { config.SnapshotThreshold = 1 << 20 })
	m := c.members[0]
	for i := range 20 {
		c.append(0, fmt.Sprint("command ", i))
	}
	if _, _, err := backupOf(m.ctx, m); err != nil {
		t.Fatal(err)
	}
	name := newestImage(t, m.config.LogDir)
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	flip(t, name, info.Size()-100, 1) // in the last chunk: nothing was applied since, so it is sent again
	if _, image, err := backupOf(m.ctx, m); err == nil {
		t.Fatalf("%d bytes of a damaged image are called a backup", len(image))
	}
	_, image, err := backupOf(m.ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	var got []journalEntry
	if err := json.Unmarshal(image, &got); err != nil || len(got) != 20 {
		t.Errorf("the next backup has %d commands, %v", len(got), err)
	}
}

// TestBackupNeedsRight: a client that may read and write may not back up.
func TestBackupNeedsRight(t *testing.T) {
	c := startCluster(t, 1, nil)
	c.leader()
	if _, _, err := backupOf(c.principal("user"), c.members[0]); !errors.Is(err, verror.ErrNoAccess) {
		t.Errorf("a client without the admin right: %v", err)
	}
}

// FuzzSnapshotHead: no description from elsewhere panics, and one that is believed travels unchanged.
func FuzzSnapshotHead(f *testing.F) {
	configuration := entry.AppendConfiguration(nil, entry.Configuration{Members: []entry.Member{{ID: "a"}}})
	f.Add(uint64(3), "id", uint64(7), uint64(2), configuration, []byte("sessions"), uint64(100), uint32(5))
	f.Add(uint64(1)<<63, "", uint64(0), uint64(0), []byte{2}, []byte(nil), uint64(1)<<63, uint32(0))
	f.Fuzz(func(t *testing.T, term uint64, id string, index, lastTerm uint64, configuration, sessions []byte,
		size uint64, checksum uint32) {
		head := SnapshotHead{Term: Term(term), Id: id, LastIndex: Index(index), LastTerm: Term(lastTerm),
			Configuration: configuration, Sessions: sessions, Size: size, Checksum: checksum}
		meta, err := head.Meta()
		if err != nil {
			return
		}
		if meta.ID != id || uint64(meta.Index) != index || uint64(meta.Term) != lastTerm || meta.Size < 0 ||
			uint64(meta.Size) != size || meta.Checksum != checksum || meta.Configuration.Validate() != nil {
			t.Errorf("%+v is believed to be %+v", head, meta)
		}
	})
}
