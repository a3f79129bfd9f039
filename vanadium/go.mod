module v.io

go 1.26.0

require (
	github.com/hashicorp/yamux v0.1.2
	go.uber.org/goleak v1.3.0
	golang.org/x/term v0.45.0
	v.io/x/lib v0.0.0
)

require golang.org/x/sys v0.49.0 // indirect

replace v.io/x/lib => ./x/lib
