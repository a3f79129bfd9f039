package verror

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// PCs are program counters of a stack, innermost first.
type PCs []uintptr

// maxDepth bounds the frames that an error keeps.
const maxDepth = 64

// callers returns the stack above the exported function of this package that called newE.
func callers() PCs {
	var pcs [maxDepth]uintptr
	n := runtime.Callers(4, pcs[:])
	return append(PCs(nil), pcs[:n]...)
}

// String returns the functions and source positions, one per line.
func (pcs PCs) String() string {
	if len(pcs) == 0 {
		return ""
	}
	var text strings.Builder
	frames := runtime.CallersFrames(pcs)
	for {
		frame, more := frames.Next()
		fmt.Fprintf(&text, "%s:%d: %s\n", frame.File, frame.Line, frame.Function)
		if !more {
			return text.String()
		}
	}
}

// Stack returns where err was made, or nil if err is not an error of this package or comes from another process.
func Stack(err error) PCs {
	e, ok := find(err)
	if !ok {
		return nil
	}
	return append(PCs(nil), e.pcs...)
}

// DebugString returns the message of err with its ID and stack, and the same of all errors that it wraps.
func DebugString(err error) string {
	var text strings.Builder
	debug(&text, err, 0)
	return text.String()
}

// debug writes err and what it wraps, indented by depth.
func debug(text *strings.Builder, err error, depth int) {
	if err == nil || depth > maxDepth {
		return
	}
	indent := strings.Repeat("  ", depth)
	if id, ok := ownID(err); ok {
		fmt.Fprintf(text, "%s%s (%s)\n", indent, err.Error(), id)
	} else {
		fmt.Fprintf(text, "%s%s\n", indent, err.Error())
	}
	if _, own := ownID(err); own {
		for line := range strings.Lines(Stack(err).String()) {
			text.WriteString(indent + "  at " + line)
		}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			debug(text, one, depth+1)
		}
		return
	}
	debug(text, errors.Unwrap(err), depth+1)
}
