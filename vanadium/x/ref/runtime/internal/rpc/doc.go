// Package rpc implements Vanadium's client and server over the connections of
// package conn.
//
// # Calls
//
// A call occupies one flow from its request to its response; the flow then carries
// the next call, so that neither the flow nor the VOM types that it has carried
// need to be set up again. The kinds of frames are
//
//	dialer                         acceptor
//	  request  ─────▶
//	  item     ─────▶   ◀─────     item       (any number, both ways at once)
//	  end      ─────▶                         (no more items from the dialer)
//	                    ◀─────     response
//
// A request whose flags say so is an end as well. The acceptor takes the next
// request only after the end.
//
// # VOM streams
//
// The values in one direction of a flow form one VOM stream: the arguments, items
// and results of all calls, in order. Each frame that carries values starts with a
// byte of flags, of which bit 0 says that the sender began a new VOM stream
// in this frame: in the first frame of a flow, and after a value that could not
// be encoded. An item that is a plain []byte is sent without being put into VOM,
// as a frame of its own kind, which stands for the VOM message of that
// value: such items, of which replication is made, cost one copy on either side.
//
// # Semantics
//
// Deadlines travel as the time that is left and reach the handler. Cancelling the
// context of a call, or its deadline, resets the flow: the handler's context is
// cancelled at once, whether or not the handler is reading.
//
// The end of a stream of items is io.EOF only if the other side said that it was the
// end. A handler whose client was cancelled, died or lost its connection gets an
// error from Recv, never io.EOF. (Other implementations of this interface end the
// stream quietly then; a handler that must also be safe with those checks its
// context's error, or a mark in the data, as well.)
//
// Arguments are decoded before the call is authorised, since authorisers may look at
// the method's tags and the suffix but never at arguments; and every call is
// authorised, on whatever connection it arrives, so that blessings whose caveats no
// longer hold are refused from that moment on. Reserved methods are authorised
// like any other.
//
// # Limits
//
// See package conn: MaxMessageSize for a request, an item or a response; MaxFlows
// for concurrent calls on a connection.
package rpc
