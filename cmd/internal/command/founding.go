package command

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"io"

	"v.io/x/ref/lib/raft/entry"
)

// NewCluster draws the id of a new cluster and the incarnation of its first directory, neither of them 0: with
// them nobody of a former cluster is heard.
func NewCluster() (cluster entry.ClusterID, incarnation entry.Incarnation) {
	var b [8]byte
	rand.Read(b[:]) // Never fails: crypto/rand ends the process instead.
	rand.Read(cluster[:])
	return cluster, entry.Incarnation(binary.LittleEndian.Uint64(b[:]) | 1)
}

// Interruptible returns r, whose reads fail with ctx's error once ctx has ended.
func Interruptible(ctx context.Context, r io.Reader) io.Reader { return interruptible{ctx, r} }

type interruptible struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.Reader.Read(p)
}
