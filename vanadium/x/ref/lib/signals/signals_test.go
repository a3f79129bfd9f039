package signals

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"v.io/v23/context"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("os/signal.loop")) }

func kill(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), sig); err != nil {
		t.Fatal(err)
	}
}

func TestFirstSignalIsDelivered(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		ctx, cancel := context.RootContext()
		ctx, h := ShutdownOnSignalsWithCancel(ctx)
		kill(t, sig)
		if got := h.WaitForSignal(); got != os.Signal(sig) {
			t.Errorf("got %v, want %v", got, sig)
		}
		<-ctx.Done()
		h.Release()
		h.Release()
		cancel()
	}
}

func TestEndOfTheContextIsDelivered(t *testing.T) {
	ctx, cancel := context.RootContext()
	received := ShutdownOnSignals(ctx)
	cancel()
	if _, ok := (<-received).(ContextDoneSignal); !ok {
		t.Error("something else was delivered")
	}
}

func TestReleaseBeforeAnySignal(t *testing.T) {
	ctx, cancel := context.RootContext()
	defer cancel()
	_, h := ShutdownOnSignalsWithCancel(ctx, syscall.SIGUSR1)
	h.Release()
}

// TestSecondSignalExits runs this test again in a process that gets two signals.
func TestSecondSignalExits(t *testing.T) {
	if os.Getenv("SIGNALS_TEST_CHILD") != "" {
		ctx, cancel := context.RootContext()
		defer cancel()
		received := ShutdownOnSignals(ctx)
		kill(t, syscall.SIGTERM)
		<-received
		kill(t, syscall.SIGTERM)
		select {}
	}
	child := exec.Command(os.Args[0], "-test.run=^TestSecondSignalExits$")
	child.Env = append(os.Environ(), "SIGNALS_TEST_CHILD=1")
	err := child.Run()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != DoubleStopExitCode {
		t.Errorf("the process ended with %v, want status %d", err, DoubleStopExitCode)
	}
}

func ExampleShutdownOnSignals() {
	ctx, cancel := context.RootContext()
	stop := ShutdownOnSignals(ctx)
	cancel() // or a signal arrives
	fmt.Println("stopping:", <-stop)
	// Output: stopping: context canceled
}
