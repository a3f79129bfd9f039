package core_test

import (
	"maps"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// The lines of scenarios about membership.

func playChange(s *stage, a arguments) error {
	m := a.one(s)
	m.next++
	request := core.ChangeRequest{ID: core.ChangeID(m.next)}
	for _, name := range a.list("add") {
		request.Change.Add = append(request.Change.Add, entry.Member{ID: entry.MemberID(name)})
	}
	for _, name := range a.list("learner") {
		request.Change.Add = append(request.Change.Add, entry.Member{ID: entry.MemberID(name), Learner: true})
	}
	for _, name := range a.list("remove") {
		request.Change.Remove = append(request.Change.Remove, entry.MemberID(name))
	}
	m.step(core.Input{Changes: []core.ChangeRequest{request}})
	return nil
}

// playWipe empties a member's directory: it comes back as another incarnation.
func playWipe(s *stage, a arguments) error {
	m := a.one(s)
	m.crash()
	m.disk = platter{}
	if m.incarnation != 0 {
		m.incarnation += 10
	}
	return nil
}

// playSave copies a member's directory aside, playRestore puts the copy in the directory's place.
func playSave(s *stage, a arguments) error {
	m := a.one(s)
	if s.saved == nil {
		s.saved = map[entry.MemberID]platter{}
	}
	s.saved[m.id] = m.disk.copy()
	return nil
}

func playRestore(s *stage, a arguments) error {
	m := a.one(s)
	m.crash()
	m.disk = s.saved[m.id].copy()
	return nil
}

// playMembers tells the configuration that each running member has in force, and what it did not
// listen to.
func playMembers(s *stage, _ arguments) error {
	for _, id := range s.ids {
		m := s.actors[id]
		if m.core == nil {
			s.say("%s: down", id)
			continue
		}
		at := m.core.Configuration()
		s.say("%s: %d: %s", id, at.Index, tell(at.Value))
		n := m.core.Counters()
		counts := map[string]uint64{"strangers": n.Strangers, "removed": n.Removed, "replaced": n.Replaced,
			"forgotten": n.Forgotten}
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			if counts[name] > 0 {
				s.say("   %s %d", name, counts[name])
			}
		}
	}
	return nil
}
