package sim

import (
	"fmt"
	"io"
	"math/bits"
	"strings"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// verb says what happened in one line of a trace.
type verb uint8

const (
	didStart verb = iota + 1
	didTurn
	didJob
	didSend
	didLose
	didDeliver
	didCrash
	didFail
	didCall
	didReturn
	didFault
	didHeal
	didImage
	didApply
	didRestore
	didRefuse
	didNotice
	didPutBack
	didRot
	didSpoil
	didPhase
	didAsk
	didAnswer
	didRenew
)

// lines is how each verb reads; the numbers fill the format in order, %s is a name.
var lines = [...]struct{ name, format string }{
	didStart:   {"start", "life %d, term %d, last %d, applied %d"},
	didTurn:    {"turn", "%s, term %d, last %d, commit %d"},
	didJob:     {"job", "%s began, number %d"},
	didSend:    {"send", "%s, term %d, index %d +%d"},
	didLose:    {"lose", "%s, term %d, index %d +%d"},
	didDeliver: {"deliver", "%s, term %d, index %d +%d"},
	didCrash:   {"crash", "%s, %d units of the disk in doubt, life %d, term %d"},
	didFail:    {"fail", "stopped by itself after %d faults of its disk, life %d"},
	didCall:    {"call", "%s of operation %d on key %d, attempt %d"},
	didReturn:  {"return", "operation %d: %s, answer %d at index %d"},
	didFault:   {"fault", "%s, number %d, for %d us"},
	didHeal:    {"heal", "%s, number %d"},
	didImage:   {"image", "%s, index %d, byte %d"},
	didApply:   {"apply", "entry %d of term %d, attempt %d, state %x"},
	didRestore: {"restore", "image at %d, state %x"},
	didRefuse:  {"refuse", "%s, number %d"},
	didNotice:  {"notice", "its directory is an older copy that lacks entry %d, life %d"},
	didPutBack: {"put back", "an older copy of the directory, which ends at %d in place of %d"},
	didRot:     {"rot", "%s"},
	didSpoil:   {"spoil", "its directory cannot be used any more, life %d"},
	didPhase:   {"phase", "%s"},
	didAsk:     {"ask", "its program about %s in term %d, of which %d is said"},
	didAnswer:  {"answer", "of its program about %s in term %d"},
	didRenew:   {"renew", "its newest vote is lost, and it begins anew, life %d"},
}

// Legend explains the lines of a trace.
func Legend() string {
	var b strings.Builder
	b.WriteString("each line: virtual time, who, what, details\n")
	for v, l := range lines {
		if v > 0 {
			fmt.Fprintf(&b, "  %-8s %s\n", l.name, l.format)
		}
	}
	return b.String()
}

// trace is the hash of everything that happened, and with a writer one line for each of it. Equal
// hashes mean equal runs.
type trace struct {
	hash   uint64
	events uint64
	out    io.Writer
	failed error
}

// mix folds one number into the hash.
func (t *trace) mix(n uint64) {
	hi, lo := bits.Mul64(t.hash^n, 0x9fb21c651e98df25)
	t.hash = hi ^ lo + 0x632be59bd9b4e019
}

func (t *trace) text(s string) {
	for i := range len(s) {
		t.hash = (t.hash ^ uint64(s[i])) * 0x100000001b3
	}
	t.mix(uint64(len(s)))
}

// note takes one event. who is a member, a client or the world; name fills the format's %s.
func (t *trace) note(at Instant, who string, v verb, name string, numbers ...uint64) {
	t.events++
	t.mix(uint64(at)<<8 | uint64(v))
	t.text(who)
	t.text(name)
	for _, n := range numbers {
		t.mix(n)
	}
	if t.out != nil && t.failed == nil {
		t.print(at, who, v, name, numbers)
	}
}

func (t *trace) print(at Instant, who string, v verb, name string, numbers []uint64) {
	format := lines[v].format
	var args []any
	for rest := format; ; {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			break
		}
		switch {
		case rest[i+1] == 's':
			args = append(args, name)
		case len(numbers) > 0:
			args, numbers = append(args, numbers[0]), numbers[1:]
		}
		rest = rest[i+2:]
	}
	details := fmt.Sprintf(format, args...)
	_, t.failed = fmt.Fprintf(t.out, "%12.6f %-4s %-8s %s\n", float64(at)/1e9, who, lines[v].name, details)
}

// labels are the names of messages in a trace, made once.
type labels map[labelled]string

// labelled is what the name of a message says.
type labelled struct {
	kind     core.MessageKind
	reject   bool
	from, to entry.MemberID
}

// of names a message and its ends.
func (l labels) of(m *core.Message) string {
	key := labelled{m.Kind, m.Reject, m.From, m.To}
	label, found := l[key]
	if !found {
		label = m.Kind.String()
		if m.Reject {
			label += " (reject)"
		}
		label += " " + string(m.From) + ">" + string(m.To)
		l[key] = label
	}
	return label
}
