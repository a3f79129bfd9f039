package sim

import "math/rand/v2"

// dice are a source of randomness for one purpose. Each purpose has its own, so that a plan without
// some of its faults is otherwise the same run as far as can be.
type dice struct{ *rand.Rand }

// The purposes.
const (
	diceSetting = iota + 1
	diceFaults
	diceOperations
	diceNetwork
	diceMembers
	diceClients
	diceHealing
)

func newDice(seed uint64, purpose, number int) dice {
	return dice{rand.New(rand.NewPCG(seed*0x9e3779b97f4a7c15+1, uint64(purpose)<<32|uint64(number)))}
}

// chance is true with probability p.
func (d dice) chance(p float64) bool { return p > 0 && d.Float64() < p }

// between draws from [lo, hi).
func (d dice) between(lo, hi Instant) Instant {
	if hi <= lo {
		return lo
	}
	return lo + Instant(d.Int64N(int64(hi-lo)))
}

// often draws a waiting time whose mean is given: exponential, at most eight means.
func (d dice) often(mean Instant) Instant {
	return min(Instant(d.ExpFloat64()*float64(mean)), 8*mean)
}

// pick draws one of the values.
func pick[T any](d dice, all ...T) T { return all[d.IntN(len(all))] }
