package context

// V reports whether messages of the level are written at the caller's source position.
func (t *T) V(level int) bool {
	return t.VDepth(1, level)
}

// VDepth is V for the caller depth levels above the direct caller.
func (t *T) VDepth(depth int, level int) bool {
	if t.quiet() {
		return false
	}
	if t.logger != nil && t.logger.VDepth(depth+1, level) {
		return true
	}
	return t.contextLogger != nil && t.contextLogger.VDepth(t, depth+1, level)
}

// VI returns a log for messages of the level, which discards them if they are not wanted at the caller's source
// position.
func (t *T) VI(level int) interface {
	Info(args ...interface{})
	Infof(format string, args ...interface{})
	InfoDepth(depth int, args ...interface{})
	InfoStack(all bool)
} {
	return t.VIDepth(1, level)
}

// VIDepth is VI for the caller depth levels above the direct caller.
func (t *T) VIDepth(depth int, level int) interface {
	Info(args ...interface{})
	Infof(format string, args ...interface{})
	InfoDepth(depth int, args ...interface{})
	InfoStack(all bool)
} {
	if t.VDepth(depth+1, level) {
		return t
	}
	return discard{}
}

// discard is the log of messages that nobody wants.
type discard struct{}

func (discard) Info(...interface{})           {}
func (discard) Infof(string, ...interface{})  {}
func (discard) InfoDepth(int, ...interface{}) {}
func (discard) InfoStack(bool)                {}
