package testutil

import (
	"errors"
	"fmt"
	"time"
)

// retryPause is how long RetryFor waits between two attempts.
const retryPause = 5 * time.Millisecond

// tryAgainError marks an error as one that may go away.
type tryAgainError struct{ err error }

func (e tryAgainError) Error() string { return e.err.Error() }
func (e tryAgainError) Unwrap() error { return e.err }

// TryAgain marks err, which RetryFor's function returns, as one that may go
// away.
func TryAgain(err error) error {
	if err == nil {
		err = errors.New("testutil: not yet")
	}
	return tryAgainError{err}
}

// RetryFor calls f until it returns nil or an error that is not marked by
// TryAgain, or until timeout has passed, and returns what f returned last. f is
// called at least once.
func RetryFor(timeout time.Duration, f func() error) error {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	pause := time.NewTicker(retryPause)
	defer pause.Stop()
	for {
		err := f()
		var again tryAgainError
		if !errors.As(err, &again) {
			return err
		}
		select {
		case <-deadline.C:
			return fmt.Errorf("testutil: gave up after %v: %w", timeout, again.err)
		case <-pause.C:
		}
	}
}
