// Package signals lets a process stop in good order when it is told to.
package signals

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"v.io/v23/context"
)

// DoubleStopExitCode is the status with which a process exits that is told a second
// time to stop.
const DoubleStopExitCode = 1

// ContextDoneSignal is what is delivered when the context ended before any signal
// arrived. It implements os.Signal.
type ContextDoneSignal string

// Signal implements os.Signal.
func (ContextDoneSignal) Signal() {}

// String implements os.Signal.
func (s ContextDoneSignal) String() string { return string(s) }

// Default are the signals handled when none are given.
func Default() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

// Handler waits for a signal.
type Handler struct {
	received chan os.Signal
	once     sync.Once
	stop     chan struct{}
}

// ShutdownOnSignals returns a channel on which the first of the given signals is
// delivered, or a ContextDoneSignal when ctx ends first. The second signal makes
// the process exit with DoubleStopExitCode. With no signals given, those of
// Default are meant.
func ShutdownOnSignals(ctx *context.T, sigs ...os.Signal) <-chan os.Signal {
	return newHandler(ctx, nil, sigs).received
}

// ShutdownOnSignalsWithCancel is like ShutdownOnSignals, but the context it returns
// ends with the first signal.
func ShutdownOnSignalsWithCancel(ctx *context.T, sigs ...os.Signal) (*context.T, *Handler) {
	ctx, cancel := context.WithCancel(ctx)
	return ctx, newHandler(ctx, cancel, sigs)
}

// WaitForSignal waits for the first signal, or the end of the context, and returns
// what was delivered.
func (h *Handler) WaitForSignal() os.Signal { return <-h.received }

// Release stops handling signals; they have their usual effects again.
func (h *Handler) Release() { h.once.Do(func() { close(h.stop) }) }

func newHandler(ctx *context.T, cancel func(), sigs []os.Signal) *Handler {
	if len(sigs) == 0 {
		sigs = Default()
	}
	h := &Handler{received: make(chan os.Signal, 1), stop: make(chan struct{})}
	arriving := make(chan os.Signal, 2)
	signal.Notify(arriving, sigs...)
	go h.run(ctx, arriving, cancel)
	return h
}

// run delivers the first signal and then waits for the second. It ends with
// Release, with the context, or with the process.
func (h *Handler) run(ctx *context.T, arriving chan os.Signal, cancel func()) {
	defer signal.Stop(arriving)
	select {
	case sig := <-arriving:
		h.received <- sig
	case <-ctx.Done():
		h.received <- ContextDoneSignal(ctx.Err().Error())
		return
	case <-h.stop:
		return
	}
	if cancel != nil {
		cancel()
	}
	select {
	case <-arriving:
		os.Exit(DoubleStopExitCode)
	case <-h.stop:
	}
}
