package logging_test

import (
	"fmt"
	"os"

	"v.io/v23/logging"
	"v.io/x/lib/vlog"
)

// The logger of a program is a Logger.
var _ logging.Logger = vlog.Log

// ExampleLogger passes a logger to code that does not know which one it is.
func ExampleLogger() {
	work := func(log logging.Logger) {
		if log.V(1) {
			log.Info("details")
		}
	}
	work(vlog.NewLogger("prog", os.Stdout))
	fmt.Println("done")
	// Output: done
}
