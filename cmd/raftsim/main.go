// Raftsim doubts: it looks for a way to make the library break a promise.
//
//	raftsim -explore [-long] [-space NAME] [-limit STATES]
//	raftsim -planted [-only NAME]
//
// With -explore it visits every state that small clusters of real cores can reach, within stated
// bounds (package sim/explore). It ends with status 1 when an invariant is broken, after the shortest
// way there.
//
// With -planted it doubts its own checks: it plants bugs in the library (package sim/planted) and
// ends with status 1 when one of them is not found. It needs the go tool and a working directory in
// the checkout.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

func main() { os.Exit(run(os.Args[1:])) }

// run is main with its exit status.
func run(args []string) int {
	set := flag.NewFlagSet("raftsim", flag.ContinueOnError)
	var e exploration
	var p planting
	e.flags(set)
	p.flags(set)
	if err := set.Parse(args); err != nil {
		return 2
	}
	switch {
	case set.NArg() > 0:
	case e.wanted:
		return e.run(os.Stdout)
	case p.wanted:
		return p.run(context.Background(), os.Stdout)
	}
	fmt.Fprintln(os.Stderr, "raftsim: give -explore or -planted; raftsim -h tells the rest")
	return 2
}
