package golang

import (
	"fmt"

	"v.io/x/ref/lib/vdl/compile"
)

// clientStream writes the types by which a client uses a call that streams items.
func (g *generator) clientStream(i *compile.Interface, m *compile.Method) {
	base := i.Name + m.Name + "Client"
	g.declare(m.Decl, base+"Stream", base+"Call", "impl"+base+"Call")
	g.p("\n// %sStream is the stream of %s.%s as a client sees it.", base, i.Name, m.Name)
	g.streamInterface(base+"Stream", m.Down, m.Up, true)
	g.p("\n// %sCall is a running call of %s.%s as a client sees it.", base, i.Name, m.Name)
	g.p("type %sCall interface {\n%sStream", base, base)
	g.p("// Finish closes the sending side, waits for the server to return and gives its results. Received items that")
	g.p("// were not read are lost. Call it exactly once, from one goroutine, unless the call is canceled.")
	g.p("Finish() %s\n}", g.results(m))
	g.callStruct("impl"+base+"Call", g.rpc("ClientCall"), m.Down, "// impl"+base+"Call implements "+base+"Call.")
	g.streamMethods("impl"+base+"Call", m.Down, m.Up, true)
	g.p("\nfunc (c *impl%sCall) Finish() %s {", base, g.numberedResults(m))
	g.p("err = c.ClientCall.Finish(%s)\nreturn\n}", pointers(m))
}

// serverStream writes the types by which a server uses a call that streams items.
func (g *generator) serverStream(i *compile.Interface, m *compile.Method) {
	base := i.Name + m.Name + "Server"
	g.declare(m.Decl, base+"Stream", base+"Call", base+"CallStub")
	g.p("\n// %sStream is the stream of %s.%s as a server sees it.", base, i.Name, m.Name)
	g.streamInterface(base+"Stream", m.Up, m.Down, false)
	g.p("\n// %sCall is a running call of %s.%s as a server sees it.", base, i.Name, m.Name)
	g.p("type %sCall interface {\n%s\n%sStream\n}", base, g.rpc("ServerCall"), base)
	g.callStruct(base+"CallStub", g.rpc("StreamServerCall"), m.Up,
		fmt.Sprintf("// %sCallStub implements %sCall on top of a %s.", base, base, g.rpc("StreamServerCall")))
	g.p("\n// Init makes s the view of the call.")
	g.p("func (s *%sCallStub) Init(call %s) {\ns.StreamServerCall = call\n}", base, g.rpc("StreamServerCall"))
	g.streamMethods(base+"CallStub", m.Up, m.Down, false)
}

// callStruct writes a struct that holds the call and the last received item.
func (g *generator) callStruct(name, call string, received *compile.Type, doc string) {
	g.p("\n%s", doc)
	g.p("type %s struct {\n%s", name, call)
	if received != nil {
		g.p("valRecv %s\nerrRecv error", g.goType(received))
	}
	g.p("}")
}

// receiver returns the interface of the receiving side.
func (g *generator) receiver(t *compile.Type, documented bool) string {
	doc := func(text string) string {
		if documented {
			return text
		}
		return ""
	}
	return "interface {\n" +
		doc("// Advance waits for the next item. It returns false when there is none, because of the end or an error.\n") +
		"Advance() bool\n" +
		doc("// Value returns the item that the last Advance found.\n") +
		"Value() " + g.goType(t) + "\n" +
		doc("// Err returns what ended the stream, nil if it was the other side's will.\n") +
		"Err() error\n}"
}

// sender returns the interface of the sending side. Only a client closes it, since a server does so by returning.
func (g *generator) sender(t *compile.Type, closes, documented bool) string {
	text := "interface {\n"
	if documented {
		text += "// Send sends the item. It may block until the other side has room for it.\n"
	}
	text += "Send(item " + g.goType(t) + ") error\n"
	if closes && documented {
		text += "// Close says that no items will follow. It does not wait for the server.\n"
	}
	if closes {
		text += "Close() error\n"
	}
	return text + "}"
}

func (g *generator) streamInterface(name string, received, sent *compile.Type, closes bool) {
	g.p("type %s interface {", name)
	if received != nil {
		g.p("// RecvStream returns the receiving side. It is used by one goroutine at a time.")
		g.p("RecvStream() %s", g.receiver(received, true))
	}
	if sent != nil {
		g.p("// SendStream returns the sending side. It is used by one goroutine at a time.")
		g.p("SendStream() %s", g.sender(sent, closes, true))
	}
	g.p("}")
}

// streamMethods writes RecvStream and SendStream for a struct of callStruct.
func (g *generator) streamMethods(name string, received, sent *compile.Type, closes bool) {
	impl := name
	if impl[0] != 'i' || len(impl) < 4 || impl[:4] != "impl" {
		impl = "impl" + name
	}
	if received != nil {
		g.p("\n// RecvStream returns the receiving side of the stream.")
		g.p("func (c *%s) RecvStream() %s {\nreturn %sRecv{c}\n}", name, g.receiver(received, false), impl)
		g.receiverMethods(name, impl+"Recv", received)
	}
	if sent != nil {
		g.p("\n// SendStream returns the sending side of the stream.")
		g.p("func (c *%s) SendStream() %s {\nreturn %sSend{c}\n}", name, g.sender(sent, closes, false), impl)
		g.senderMethods(name, impl+"Send", sent, closes)
	}
}

func (g *generator) receiverMethods(call, name string, t *compile.Type) {
	g.p("\ntype %s struct {\nc *%s\n}", name, call)
	g.p("\nfunc (r %s) Advance() bool {\nvar zero %s\nr.c.valRecv = zero", name, g.goType(t))
	g.p("r.c.errRecv = r.c.Recv(&r.c.valRecv)\nreturn r.c.errRecv == nil\n}")
	g.p("\nfunc (r %s) Value() %s {\nreturn r.c.valRecv\n}", name, g.goType(t))
	g.p("\nfunc (r %s) Err() error {\nif r.c.errRecv == %s {\nreturn nil\n}\nreturn r.c.errRecv\n}", name,
		g.in(pathIO, "EOF"))
}

func (g *generator) senderMethods(call, name string, t *compile.Type, closes bool) {
	item := "item"
	if t.Kind == compile.ErrorKind {
		item = "&item"
	}
	g.p("\ntype %s struct {\nc *%s\n}", name, call)
	g.p("\nfunc (s %s) Send(item %s) error {\nreturn s.c.Send(%s)\n}", name, g.goType(t), item)
	if closes {
		g.p("\nfunc (s %s) Close() error {\nreturn s.c.CloseSend()\n}", name)
	}
}
