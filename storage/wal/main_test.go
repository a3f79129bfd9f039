package wal_test

import (
	"runtime/debug"
	"testing"
)

// TestMain collects garbage rarely: explored crashes leave much and keep little, and it takes half the time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	m.Run()
}
