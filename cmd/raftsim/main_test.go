package main

import (
	"runtime/debug"
	"testing"
)

// TestMain collects garbage rarely: worlds leave much and keep little, and it takes half the time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	m.Run()
}
