// Package v23 is the door to Vanadium: it starts the runtime of a process and hands out its parts.
//
// A program chooses a runtime by importing the package of its factory, which registers itself, and starts it:
//
//	import _ "v.io/x/ref/runtime/factories/generic"
//
//	func main() {
//		ctx, shutdown := v23.Init()
//		defer shutdown()
//		ctx, server, err := v23.WithNewServer(ctx, "name/to/mount", object, authorizer)
//		...
//	}
//
// Everything else is found through the context: functions called GetX return the X of a context, and those called
// WithX return a context that has another one.
package v23
