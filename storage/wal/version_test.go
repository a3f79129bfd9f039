package wal

import (
	"encoding/binary"
	"errors"
	"path"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/internal/vfs"
)

// TestLaterVersion: a segment of a later version, which has magic, version, directory and sum where every version
// has them, is refused by name, says what to do, and stays as it is.
func TestLaterVersion(t *testing.T) {
	disk := vfs.NewMemory()
	o := Options{Incarnation: 77, SegmentSize: SegmentSizeMin}
	if err := errors.Join(disk.MkdirAll("d"), Create(disk, "d", o)); err != nil {
		t.Fatal(err)
	}
	name := path.Join("d", segmentName(1, 0))
	b, err := vfs.ReadFile(disk, name, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, secondOffset} {
		header := b[at : at+headerSize]
		binary.LittleEndian.PutUint32(header[8:], segmentVersion+1)
		header[40] ^= 0xff // It may mean something else by then.
		binary.LittleEndian.PutUint32(header[headerUsed-4:], sum(o.Incarnation, 0, header[:headerUsed-4]))
	}
	if err := vfs.ReplaceFile(disk, name, b); err != nil {
		t.Fatal(err)
	}
	l, err := Open(disk, "d", o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Recover()
	if !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "version 3, this library reads version 2") ||
		!strings.Contains(err.Error(), "use the version of the library that wrote it") {
		t.Errorf("a segment of version 3: %v", err)
	}
	if after, err := vfs.ReadFile(disk, name, 1<<20); err != nil || string(after) != string(b) {
		t.Errorf("the segment was changed: %v", err)
	}
}
