package session

// The bounds of a table, and how many entries a session lives after its last one.
const (
	// OriginsDefault, RangesDefault and LifeDefault are [Default]'s.
	OriginsDefault = 1024
	RangesDefault  = 128
	LifeDefault    = 1 << 24
	// OriginsMax and RangesMax are the largest bounds that a decoder believes.
	OriginsMax = 1 << 16
	RangesMax  = 1 << 16
	// EncodedMax is the largest encoded table that is decoded, in bytes. One with the default bounds
	// is below 3 MiB.
	EncodedMax = 16 << 20
)

// Default returns the bounds that replicas use.
func Default() Bounds {
	return Bounds{Origins: OriginsDefault, Ranges: RangesDefault, Life: LifeDefault}
}
