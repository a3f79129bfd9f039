package raft

import (
	stdcontext "context"
	"log/slog"
	"strings"

	"v.io/v23/context"
)

// contextHandler is a slog.Handler that writes to the logger of a Vanadium context: where a program
// that sets no RaftConfig.Logger expects messages. Debug records need verbosity 1.
type contextHandler struct {
	ctx *context.T
	// attrs and group hold what WithAttrs and WithGroup added, rendered.
	attrs string
	group string
}

// Enabled implements slog.Handler.
func (h contextHandler) Enabled(_ stdcontext.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || h.ctx.V(1)
}

// Handle implements slog.Handler.
func (h contextHandler) Handle(_ stdcontext.Context, r slog.Record) error {
	var line strings.Builder
	line.WriteString("raft: ")
	line.WriteString(r.Message)
	line.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		line.WriteString(h.render(a))
		return true
	})
	if r.Level >= slog.LevelError {
		h.ctx.Error(line.String())
	} else {
		h.ctx.Info(line.String())
	}
	return nil
}

// render returns one attribute as " group.key=value".
func (h contextHandler) render(a slog.Attr) string {
	return " " + h.group + a.Key + "=" + a.Value.Resolve().String()
}

// WithAttrs implements slog.Handler.
func (h contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		h.attrs += h.render(a)
	}
	return h
}

// WithGroup implements slog.Handler.
func (h contextHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.group += name + "."
	}
	return h
}
