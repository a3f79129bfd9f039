package conn

import (
	"fmt"
	"sync"
	"time"

	"v.io/v23/context"
)

// Lines that logBurst allows at once come back at one per logInterval, so that
// whoever is being refused a thousand times a second does not fill the disk.
const (
	logBurst    = 20
	logInterval = 500 * time.Millisecond
)

// rateLog logs at a bounded rate and says how many lines it left out.
type rateLog struct {
	ctx *context.T

	mu      sync.Mutex
	tokens  int
	filled  time.Time
	dropped int
}

func newRateLog(ctx *context.T) *rateLog {
	return &rateLog{ctx: ctx, tokens: logBurst, filled: time.Now()}
}

func (l *rateLog) logf(format string, args ...any) {
	ok, dropped := l.admit(time.Now())
	if !ok {
		return
	}
	line := fmt.Sprintf(format, args...)
	if dropped > 0 {
		line += fmt.Sprintf(" (%d more lines like this were left out)", dropped)
	}
	l.ctx.Info(line)
}

// admit takes a token, if there is one, and the count of lines left out so far.
func (l *rateLog) admit(now time.Time) (ok bool, dropped int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := int(now.Sub(l.filled) / logInterval); n > 0 {
		l.tokens = min(l.tokens+n, logBurst)
		l.filled = l.filled.Add(time.Duration(n) * logInterval)
	}
	if l.tokens == 0 {
		l.dropped++
		return false, 0
	}
	l.tokens--
	dropped, l.dropped = l.dropped, 0
	return true, dropped
}

// flush logs what was left out since the last line.
func (l *rateLog) flush() {
	l.mu.Lock()
	dropped := l.dropped
	l.dropped = 0
	l.mu.Unlock()
	if dropped > 0 {
		l.ctx.Infof("%d lines about refused connections were left out", dropped)
	}
}
