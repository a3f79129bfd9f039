package publisher

import (
	"time"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/rpc"
)

// mount keeps one name mounted for one endpoint. A goroutine of its own makes all its calls, one after the other.
type mount struct {
	p        *publisher
	key      key
	attrs    attributes
	previous *mount        // the same key before; it must have ended before this one may begin
	cancel   func()        // ends keeping it mounted
	ended    chan struct{} // closed when it is unmounted

	status rpc.PublisherEntry // guarded by the publisher's lock
}

// start begins to keep the name mounted. The lock is held.
func (p *publisher) start(k key, attrs attributes) {
	ctx, cancel := context.WithCancel(p.ctx)
	m := &mount{
		p:        p,
		key:      k,
		attrs:    attrs,
		previous: p.mounts[k],
		cancel:   cancel,
		ended:    make(chan struct{}),
		status: rpc.PublisherEntry{
			Name: k.name, Server: k.server, TTL: p.period + slack,
			LastState: rpc.PublisherUnmounted, DesiredState: rpc.PublisherMounted,
		},
	}
	p.mounts[k] = m
	p.running++
	p.changed()
	go m.run(ctx)
}

// stop begins to unmount the name, if it is mounted. The lock is held.
func (p *publisher) stop(k key) {
	if m := p.mounts[k]; m != nil {
		m.status.DesiredState = rpc.PublisherUnmounted
		m.cancel()
		p.changed()
	}
}

// run is the goroutine: it keeps the name mounted until ctx ends, and then unmounts it.
func (m *mount) run(ctx *context.T) {
	if m.previous != nil {
		<-m.previous.ended
		m.previous = nil
	}
	m.keep(ctx)
	m.unmount()
	m.cancel()
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	if m.p.mounts[m.key] == m {
		delete(m.p.mounts, m.key)
	}
	close(m.ended)
	m.p.changed()
	m.p.finished()
}

// keep mounts until ctx ends: every period, and sooner after failures.
func (m *mount) keep(ctx *context.T) {
	retry := min(firstRetry, m.p.period)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := m.mount(ctx); err == nil {
			retry = min(firstRetry, m.p.period)
			timer.Reset(m.p.period)
			continue
		}
		timer.Reset(retry)
		retry = min(2*retry, m.p.period)
	}
}

// mount mounts once.
func (m *mount) mount(ctx *context.T) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	m.update(func(s *rpc.PublisherEntry) {
		if s.LastState != rpc.PublisherMounted {
			s.LastState = rpc.PublisherMounting
		}
	})
	attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	began := time.Now()
	err := m.p.ns.Mount(attempt, m.key.name, m.key.server, m.p.period+slack,
		naming.ServesMountTable(m.attrs.servesMountTable), naming.IsLeaf(m.attrs.isLeaf))
	m.update(func(s *rpc.PublisherEntry) {
		s.LastMount, s.LastMountErr = began, err
		if err == nil {
			s.LastState = rpc.PublisherMounted
		}
	})
	switch {
	case err == nil:
		ctx.VI(2).Infof("mounted %s as %q", m.key.server, m.key.name)
	case ctx.Err() == nil:
		ctx.Errorf("cannot mount %s as %q, and will try again: %v", m.key.server, m.key.name, err)
	}
	return err
}

// unmount unmounts once, if a mount may have taken effect: one that failed may have done so all the same.
func (m *mount) unmount() {
	tried := false
	m.update(func(s *rpc.PublisherEntry) {
		if tried = !s.LastMount.IsZero(); tried {
			s.LastState = rpc.PublisherUnmounting
		}
	})
	if !tried || m.p.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(m.p.ctx, lastTimeout)
	defer cancel()
	began := time.Now()
	err := m.p.ns.Unmount(ctx, m.key.name, m.key.server)
	m.update(func(s *rpc.PublisherEntry) {
		s.LastUnmount, s.LastUnmountErr = began, err
		if err == nil {
			s.LastState = rpc.PublisherUnmounted
		}
	})
	if err != nil {
		ctx.Errorf("cannot unmount %s from %q, so that it stays for up to %v: %v",
			m.key.server, m.key.name, m.p.period+slack, err)
	}
}

// update changes the status.
func (m *mount) update(change func(*rpc.PublisherEntry)) {
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	change(&m.status)
	m.p.changed()
}
