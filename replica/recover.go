package replica

import (
	"errors"
	"fmt"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/session"
)

// recover builds the engine from what the stores remember.
func (r *Replica) recover() error {
	config := &r.config
	recovered, err := config.Log.Recover()
	if err != nil {
		return fmt.Errorf("replica: recovering the log: %w", err)
	}
	if err := checkDamage(&recovered, config.healer() != nil); err != nil {
		return fmt.Errorf("replica: recovering %q: %w", config.ID, err)
	}
	start := core.Start{Recovered: recovered, Initial: config.Initial, Former: config.Self.Former}
	if start.Configurations, err = readConfigurations(config.Log, &recovered); err != nil {
		return err
	}
	metas, err := config.Snapshots.List()
	if err != nil {
		return fmt.Errorf("replica: listing the snapshots: %w", err)
	}
	if start.Snapshot, start.Lost, err = r.findImage(metas, recovered.Base.Index); err != nil {
		return err
	}
	if metas, err = config.Snapshots.List(); err != nil {
		return fmt.Errorf("replica: listing the snapshots: %w", err)
	}
	r.birth = start
	c, err := core.New(config.core(), start)
	if err != nil {
		return fmt.Errorf("replica: recovering %q: %w", config.ID, err)
	}
	e := &engine{config: config, core: c, images: newImages(config)}
	for _, meta := range metas[:min(len(metas), retained)] {
		e.images.deliveries.keep(meta)
	}
	e.images.compacted = recovered.Base.Index
	if start.Lost != nil {
		e.images.bare.need = recovered.Base.Index
		e.status.Awaits = recovered.Base.Index
		config.Logger.Error("the state is lost; the leader will be asked for it", "member", config.ID, "up to",
			recovered.Base.Index)
	}
	e.reads.asked = make(map[core.ReadID]*read)
	e.changes.next = core.ChangeID(config.Origin)
	e.moves = transfers{next: core.TransferID(config.Origin), asked: make(map[core.TransferID]*transfer)}
	e.status.Status = c.Status()
	e.configure(c.Configuration())
	e.orders.session.origin = config.Origin
	m := &machinist{replica: r, configuration: config.Initial, sessions: session.New(config.Limits.Sessions)}
	if start.Snapshot != nil {
		if err := r.restoreNewest(e, m, *start.Snapshot); err != nil {
			return err
		}
	}
	e.writer.space.full = !r.room(false)
	e.foundAtStart(&recovered)
	e.status.Damage = e.damage()
	r.engine, r.shell.machinist = e, m
	return nil
}

// checkDamage refuses a log that the store cannot go on with. What it holds stays as it is.
func checkDamage(rec *entry.Recovered, heals bool) error {
	const advice = "; nothing was changed: restore the directory from a copy taken while the member was stopped, " +
		"or move it away and let the member join again as a new one"
	switch {
	case heals:
	case len(rec.Damaged) > 0:
		d := rec.Damaged[0]
		return fmt.Errorf("%w: the log's entries %d to %d cannot be read"+advice, entry.ErrCorrupt, d.First, d.Last)
	case rec.Held != entry.Position{}:
		return fmt.Errorf("%w: the log ends at index %d and may have held entries up to (index %d, term %d)"+advice,
			entry.ErrCorrupt, rec.Last, rec.Held.Index, rec.Held.Term)
	}
	return nil
}

// core returns what core must be told.
func (c *Config) core() core.Config {
	return core.Config{
		// A seed that differs at each start keeps numbers of an earlier run from being repeated.
		ID: c.ID, Seed: c.Seed*0x9e3779b97f4a7c15 ^ c.Origin, Heartbeat: core.Instant(c.Heartbeat),
		Incarnation: c.Self.Incarnation, Key: c.Self.Key, Level: c.Self.Level, ManualReplace: c.Self.ManualReplace,
		Uncommitted: c.Limits.Uncommitted, Message: c.Limits.Message, Window: c.Limits.Window,
		Tail: c.Limits.Tail, ElectionOnly: c.Election.Only,
		Electors: core.Electors{Size: c.Election.Size, Ask: c.Election.Compare != nil}, Rank: c.Election.Rank,
		Unleased: c.Election.Unleased,
	}
}

// Initialize gives the configuration of a new cluster, once, between New and Start: for doors whose
// initial set is not known when the member is recovered. c is as Config.Initial. A log or snapshot
// that already holds a configuration wins, and c is ignored.
func (r *Replica) Initialize(c entry.Configuration) error {
	r.life.mu.Lock()
	defer r.life.mu.Unlock()
	if r.life.started || r.life.stopped || len(r.config.Initial.Members) > 0 {
		return errors.New("replica: Initialize comes once, between New and Start")
	}
	with := r.config
	with.Initial = c
	if err := with.complete(); err != nil {
		return err
	}
	start := r.birth
	start.Initial = c
	fresh, err := core.New(with.core(), start)
	if err != nil {
		return fmt.Errorf("replica: initializing %q: %w", r.config.ID, err)
	}
	r.config.Initial = c
	r.engine.core = fresh
	r.engine.status.Status = fresh.Status()
	r.engine.configure(fresh.Configuration())
	if r.shell.machinist.configuration.Cluster.IsZero() {
		r.shell.machinist.configuration = c
	}
	r.publish()
	return nil
}

// restoreNewest brings the machine to the newest snapshot, before anything runs.
func (r *Replica) restoreNewest(e *engine, m *machinist, meta entry.SnapshotMeta) error {
	task := &applyTask{kind: applyRestore, install: &install{meta: meta}}
	if m.run(task); task.err != nil {
		return task.err
	}
	e.applier.applied = meta.Index
	e.status.Applied, e.status.Snapshot = meta.Index, meta.Position()
	e.images.newest = meta
	return nil
}

// readConfigurations reads the configurations of the log, but those that are damaged.
func readConfigurations(log LogStore, rec *entry.Recovered) ([]core.ConfigurationAt, error) {
	var all []core.ConfigurationAt
	for _, i := range rec.Configurations {
		if slices.ContainsFunc(rec.Damaged, func(d entry.Damage) bool { return d.First <= i && i <= d.Last }) {
			continue
		}
		block, err := log.Read(i, i, entry.BlockMax)
		if err != nil {
			return nil, fmt.Errorf("replica: reading the configuration at %d: %w", i, err)
		}
		value, err := entry.DecodeConfiguration(block.Payload(i))
		if err != nil {
			return nil, fmt.Errorf("replica: the configuration at %d: %w", i, err)
		}
		all = append(all, core.ConfigurationAt{Index: i, Value: value})
	}
	return all, nil
}
