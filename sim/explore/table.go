package explore

import "crypto/sha256"

// table gives equal things one number. Equality is that of the bytes under which a thing is put, by
// their SHA-256, of which 128 bits are kept: no two are ever taken for one.
type table[T any] struct {
	index map[[16]byte]uint32
	items []T
}

func newTable[T any]() table[T] { return table[T]{index: map[[16]byte]uint32{}} }

// put returns the number of the thing whose bytes are key, and adds it when it is new.
func (t *table[T]) put(key []byte, thing T) uint32 {
	sum := sha256.Sum256(key)
	short := [16]byte(sum[:16])
	if number, ok := t.index[short]; ok {
		return number
	}
	number := uint32(len(t.items))
	t.index[short] = number
	t.items = append(t.items, thing)
	return number
}

// visited is the set of the fingerprints of the states that have been seen: an open hash table of
// 64-bit numbers, 0 for a free place.
type visited struct {
	slots []uint64
	count int
}

func newVisited() visited { return visited{slots: make([]uint64, 1<<16)} }

// add reports whether the fingerprint is new, and remembers it.
func (v *visited) add(print uint64) bool {
	if print == 0 {
		print = 1
	}
	if v.count*3 > len(v.slots)*2 {
		v.grow()
	}
	if !v.place(print) {
		return false
	}
	v.count++
	return true
}

func (v *visited) place(print uint64) bool {
	mask := uint64(len(v.slots) - 1)
	for i := print & mask; ; i = (i + 1) & mask {
		switch v.slots[i] {
		case 0:
			v.slots[i] = print
			return true
		case print:
			return false
		}
	}
}

func (v *visited) grow() {
	old := v.slots
	v.slots = make([]uint64, 2*len(old))
	for _, print := range old {
		if print != 0 {
			v.place(print)
		}
	}
}

// fingerprint mixes the words of a state, each by the finalizer of SplitMix64 (Steele, Lea and
// Flood, 2014).
func fingerprint(words []uint32) uint64 {
	h := uint64(len(words)) * 0x9e3779b97f4a7c15
	for _, w := range words {
		h = (h ^ uint64(w)) * 0xbf58476d1ce4e5b9
		h ^= h >> 29
		h += 0x9e3779b97f4a7c15
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
