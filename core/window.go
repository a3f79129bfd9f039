package core

import "v.io/x/ref/lib/raft/entry"

// window bounds what is on its way to one member, in bytes. It begins small, so that a member about
// which nothing is known is not flooded; it grows by what is acknowledged, which doubles it with each
// round trip while it is filled, up to Config.Window; and it halves when something was lost.
type window struct {
	flights []flight
	// bytes is the sum of the flights.
	bytes int
	// limit is how many bytes may be on their way, 0 before the first were sent. One message is
	// always sent.
	limit int
}

type flight struct {
	last  entry.Index
	bytes int
}

// windowFirst is the first limit, in messages.
const windowFirst = 2

// room reports whether another message may be sent.
func (w *window) room(config *Config) bool {
	if w.limit == 0 {
		w.limit = min(windowFirst*config.Message, config.Window)
	}
	return w.bytes == 0 || w.bytes < w.limit
}

func (w *window) push(last entry.Index, bytes int) {
	w.flights = append(w.flights, flight{last: last, bytes: bytes})
	w.bytes += bytes
}

// acknowledge takes out what arrived.
func (w *window) acknowledge(match entry.Index, config *Config) {
	done := 0
	for done < len(w.flights) && w.flights[done].last <= match {
		w.bytes -= w.flights[done].bytes
		w.limit = min(w.limit+w.flights[done].bytes, config.Window)
		done++
	}
	w.flights = append(w.flights[:0], w.flights[done:]...)
}

// lose takes note that what is on its way may not arrive.
func (w *window) lose(config *Config) {
	if w.limit > 0 {
		w.limit = max(w.limit/2, min(config.Message, config.Window))
	}
}

// clear forgets what is on its way.
func (w *window) clear() { *w = window{flights: w.flights[:0], limit: w.limit} }
