// Package planted doubts the doubters: each of its bugs is a small change of the library that breaks a
// promise, and a check must find it. A bug that nothing finds is a hole in the checks.
//
// The library's source stays as it is. A bug is a file in bugs/: what it breaks, who must find it, and
// one or more replacements of text. The patched files are given to the go tool as an overlay, so that
// nothing in the checkout changes. A bug whose old text is not in its file exactly once is a failure:
// the code has moved on and the bug must move with it.
//
// # The form of a bug
//
//	One sentence or more that say what is broken.
//
//	find: explore voting
//	file: core/election.go
//	<<<<
//	the old text, whole lines
//	====
//	the new text
//	>>>>
//
// After "file" and its replacement more of both may follow. "find" names a [Finder]:
//
//	explore SPACE          the bounded model check of that space
//	seeds                  the simulator, within the first seeds
//	test PACKAGE NAME      a test, which passes without the bug
package planted
