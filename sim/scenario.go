package sim

import "slices"

// Scenario is a run with a schedule that somebody thought of, beside those of the seeds.
type Scenario struct {
	// Name is how -scenario calls it.
	Name string
	// About says what it is interesting for.
	About string
	// shape changes the plan of a seed.
	shape func(p *Plan)
}

// Plan returns the scenario's plan with a seed: the schedule is the scenario's, the rest differs.
func (s *Scenario) Plan(seed uint64) Plan {
	p := NewPlan(seed)
	p.Faults, p.Election = nil, Election{}
	s.shape(&p)
	slices.SortStableFunc(p.Faults, func(a, b Fault) int { return int(a.At - b.At) })
	for i := range p.Faults {
		p.Faults[i].Number = i
	}
	return p
}

// FindScenario returns the scenario with a name, nil when there is none.
func FindScenario(name string) *Scenario {
	i := slices.IndexFunc(Scenarios, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &Scenarios[i]
}

// every adds a fault again and again.
func (p *Plan) every(interval, length Instant, kind string) {
	d := newDice(p.Seed, diceFaults, len(p.Faults)+1000)
	for at := interval; at < p.Setting.Duration; at += interval {
		p.Faults = append(p.Faults, Fault{At: at, For: length, Kind: kind, Dice: d.Uint64()})
	}
}

// Scenarios are the interesting schedules. Each runs in the package's tests.
var Scenarios = []Scenario{
	{
		Name: "calm", About: "nothing fails: one leader for the whole minute",
		shape: func(p *Plan) { p.Setting.Heartbeat = 100 * Millisecond },
	},
	{
		Name: "leaders die", About: "each leader is killed after two seconds; the next must know everything",
		shape: func(p *Plan) { p.every(2*Second, Second, "kill leader") },
	},
	{
		Name: "leaders freeze", About: "each leader stands still, and goes on when there is another one: it must not answer",
		shape: func(p *Plan) { p.every(3*Second, 2*Second, "pause leader") },
	},
	{
		Name: "leaders alone", About: "each leader is cut off with clients that ask it: they must not be told what is stale",
		shape: func(p *Plan) { p.every(3*Second, 2*Second, "leader alone") },
	},
	{
		Name: "blackouts", About: "the power fails everywhere at once, every two seconds: only what was synced is left",
		shape: func(p *Plan) { p.every(2*Second, Second/5, "power everywhere") },
	},
	{
		Name: "power while writing", About: "the power goes in the middle of what disks write, three times a second",
		shape: func(p *Plan) {
			p.Setting.Stores.SegmentSize = 8 << 10
			p.every(Second/3, Second/50, "power while writing")
		},
	},
	{
		Name: "images", About: "members fall behind and are brought back by images that break off and are resumed",
		shape: func(p *Plan) {
			p.Setting.Members = max(p.Setting.Members, 3)
			p.Setting.Stores.Snapshot.Entries, p.Setting.Stores.Snapshot.Trailing = 20, -1
			p.Setting.Stores.Image = 40 << 10
			p.every(3*Second, 2*Second, "kill")
			p.every(Second/2, Second/20, "one-way cut")
		},
	},
	{
		Name: "sick disks", About: "disks are slow, full, fail to sync and stop short; members stop and come back",
		shape: func(p *Plan) {
			for _, kind := range []string{"sync fails", "short write", "disk full", "slow disk"} {
				p.every(2*Second, Second/2, kind)
			}
		},
	},
	{
		Name: "one-way links", About: "members hear those who do not hear them: elections must not go on for ever",
		shape: func(p *Plan) { p.every(Second/2, Second, "one-way cut") },
	},
	{
		Name: "wild clocks", About: "clocks run at half and at double speed: safety never depends on time",
		shape: func(p *Plan) {
			p.Setting.Lease = false
			p.every(Second, 3*Second, "clock drift")
			p.every(4*Second, Second, "kill leader")
		},
	},
}
