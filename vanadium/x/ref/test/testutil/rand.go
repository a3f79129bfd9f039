package testutil

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
)

// seedEnv repeats a test with the seed that an earlier run logged.
const seedEnv = "V23_RNG_SEED"

// random is the generator behind the Random functions.
var random struct {
	sync.Mutex
	source *rand.Rand
}

// InitRandGenerator seeds the Random functions from the environment variable
// V23_RNG_SEED, or anew, and tells logf the seed.
func InitRandGenerator(logf func(format string, args ...any)) {
	seed := rand.Uint64()
	if text := os.Getenv(seedEnv); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			panic(fmt.Sprintf("testutil: %s=%q is not a seed: %v", seedEnv, text, err))
		}
		seed = given
	}
	logf("testutil: seeded with %s=%d", seedEnv, seed)
	random.Lock()
	defer random.Unlock()
	random.source = newSource(seed)
}

func newSource(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// withSource calls f with the generator, which is seeded with 0 unless
// InitRandGenerator was called.
func withSource[N any](f func(*rand.Rand) N) N {
	random.Lock()
	defer random.Unlock()
	if random.source == nil {
		random.source = newSource(0)
	}
	return f(random.source)
}

// RandomInt returns a random non-negative int.
func RandomInt() int { return withSource((*rand.Rand).Int) }

// RandomIntn returns a random int in [0, n); n must be positive.
func RandomIntn(n int) int { return withSource(func(r *rand.Rand) int { return r.IntN(n) }) }

// RandomInt63 returns a random non-negative int64.
func RandomInt63() int64 { return withSource((*rand.Rand).Int64) }

// RandomBytes returns size random bytes.
func RandomBytes(size int) []byte {
	return withSource(func(r *rand.Rand) []byte {
		bytes := make([]byte, 0, size+8)
		for len(bytes) < size {
			bytes = binary.LittleEndian.AppendUint64(bytes, r.Uint64())
		}
		return bytes[:size]
	})
}
