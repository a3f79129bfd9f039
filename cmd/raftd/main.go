// Raftd runs members of a replicated log.
//
//	raftd COMMAND [flags]
//
// Run it without a command for a list of them, and "raftd COMMAND -h" for the
// flags of one.
package main

import "v.io/x/ref/lib/raft/cmd/internal/command"

// subcommands are all that raftd can do; each has a file of its own.
var subcommands = []command.Sub{
	{Name: "dev", Short: "three members and a mount table on this machine", Run: runDev},
	{Name: "member", Short: "one member, as raftd dev starts it", Run: runMember},
	{Name: "restore", Short: "a new cluster's first member, from a backup", Run: runRestore},
}

func main() { command.Main("raftd", subcommands) }
