// Package security says who may talk to whom: it defines principals, the
// blessings that name them, and the rules by which one principal decides to
// trust a name presented by another.
//
// # Principals and blessings
//
// A [Principal] is a key pair together with a [BlessingStore] (the blessings it
// may present) and [BlessingRoots] (the keys it trusts to speak for a name).
// [Blessings] are one or more certificate chains that all end in the same
// public key. The name of a chain is its extensions joined by ':', so a chain
// of the certificates "root", "raft" and "member1" carries the name
// root:raft:member1. Each certificate is signed by the key of its predecessor
// over everything that precedes it; the first signs itself. Chains are checked
// when they are decoded, so a non-zero Blessings value always holds chains
// whose signatures verified.
//
// # Trust
//
// A verified chain proves only that its keys signed it. A principal believes
// the name if the first key of the chain is among its roots for that name, and
// if every [Caveat] on every certificate holds for the call at hand:
// [RemoteBlessingNames] answers with exactly the names that passed both tests.
// An [Authorizer] then decides from names alone. Everything that is unknown
// (caveat kinds, algorithms, patterns that do not parse) counts against the
// caller.
//
// # Patterns
//
// A [BlessingPattern] selects names: "a:b" selects a:b and all names that
// extend it, "a:b:$" selects a:b alone, "..." selects everyone.
//
// All types are safe for concurrent use unless they say otherwise.
package security
