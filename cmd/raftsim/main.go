// Raftsim doubts: it looks for a way to make the library break a promise.
//
//	raftsim -explore [-long] [-space NAME] [-limit STATES]
//
// With -explore it visits every state that small clusters of real cores can reach, within stated
// bounds (package sim/explore). It ends with status 1 when an invariant is broken, after the shortest
// way there.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() { os.Exit(run(os.Args[1:])) }

// run is main with its exit status.
func run(args []string) int {
	set := flag.NewFlagSet("raftsim", flag.ContinueOnError)
	var e exploration
	e.flags(set)
	if err := set.Parse(args); err != nil {
		return 2
	}
	if !e.wanted || set.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "raftsim: give -explore; raftsim -h tells the rest")
		return 2
	}
	return e.run(os.Stdout)
}
