package keyvalue

import (
	"io"

	"v.io/v23/context"
	"v.io/v23/rpc"

	"v.io/x/ref/lib/raft"
)

// A Machine is a store as the state machine of a member.
type Machine struct{ Store *Store }

var _ raft.RaftClient = Machine{}

// Apply implements raft.RaftClient.
func (m Machine) Apply(cmd []byte, _ raft.Index) error { return m.Store.Apply(cmd) }

// SaveToSnapshot implements raft.RaftClient. Commands wait only while the map is
// copied.
func (m Machine) SaveToSnapshot(_ *context.T, wr io.Writer, response chan<- error) error {
	image := m.Store.Image()
	go func() {
		defer close(response)
		if _, err := image.WriteTo(wr); err != nil {
			response <- err
		}
	}()
	return nil
}

// RestoreFromSnapshot implements raft.RaftClient.
func (m Machine) RestoreFromSnapshot(_ *context.T, _ raft.Index, rd io.Reader) error {
	return m.Store.Restore(rd)
}

// A Service serves a store that a member keeps: reads and writes go through the
// log.
type Service struct {
	Raft  raft.Raft
	Store *Store
}

var _ KeyValueServerMethods = Service{}

// Set implements KeyValue.
func (s Service) Set(ctx *context.T, _ rpc.ServerCall, key, value string) error {
	cmd, err := Set(key, value)
	if err != nil {
		return err
	}
	applied, err := s.Raft.Append(ctx, cmd)
	if err != nil {
		return err
	}
	return applied
}

// Get implements KeyValue.
func (s Service) Get(ctx *context.T, _ rpc.ServerCall, key string) (value string, found bool, err error) {
	if _, err := s.Raft.ReadIndex(ctx); err != nil {
		return "", false, err
	}
	value, found = s.Store.Get(key)
	return value, found, nil
}
