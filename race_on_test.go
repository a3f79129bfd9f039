//go:build race

package raft

// raceDetector tells that the race detector is in the program, which makes it several times slower.
const raceDetector = true
