module v.io/x/ref/lib/raft

go 1.26.0

require (
	go.uber.org/goleak v1.3.0
	v.io v0.0.0
)

require (
	github.com/hashicorp/yamux v0.1.2 // indirect
	github.com/pmezard/go-difflib v1.0.0 // indirect
	golang.org/x/term v0.45.0 // indirect
)

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/cockroachdb/datadriven v1.0.3
	golang.org/x/sys v0.49.0
	v.io/x/lib v0.0.0
)

replace (
	v.io => ./vanadium
	v.io/x/lib => ./vanadium/x/lib
)
