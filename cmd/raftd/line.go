package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A verb is what a line asks for.
type verb uint8

const (
	verbNone verb = iota // an empty line or a comment
	verbSet
	verbGet
	verbKill
	verbStart
	verbStatus
	verbHelp
	verbQuit
)

// Whom a kill or a start is about, when it is not a member's number.
const (
	anyMember  = 0  // get: whichever answers
	theLeader  = -1 // kill leader
	allMembers = -2 // start all
)

// A line is one parsed line of input.
type line struct {
	verb   verb
	key    string
	value  string // set only
	member int    // a member's number, from 1, or one of the above
}

// help explains every line.
const help = `set K V       give key K the value V (the rest of the line)
get K         read K, linearizably, through any member
get K @N      read K, linearizably, through member N
kill N        kill member N, as kill -9 does
kill leader   kill the member that leads
start N       start member N again
start all     start every member that does not run
status        what each member says of itself
help          this text
quit          stop everything and leave
`

// errLine is wrapped by the error of a line that cannot be understood.
var errLine = errors.New("cannot understand the line")

// parseLine parses a line; members is how many there are.
func parseLine(text string, members int) (line, error) {
	text = strings.TrimSpace(text)
	if text == "" || strings.HasPrefix(text, "#") {
		return line{}, nil
	}
	word, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	l, err := parseVerb(word, rest, members)
	if err != nil {
		return line{}, fmt.Errorf("%w %q: %w", errLine, text, err)
	}
	return l, nil
}

// parseVerb parses what follows a verb.
func parseVerb(word, rest string, members int) (line, error) {
	switch word {
	case "set":
		return parseSet(rest)
	case "get":
		return parseGet(rest, members)
	case "kill":
		return parseMember(verbKill, rest, members, "leader", theLeader)
	case "start":
		return parseMember(verbStart, rest, members, "all", allMembers)
	}
	alone := map[string]verb{"status": verbStatus, "help": verbHelp, "quit": verbQuit}
	v, ok := alone[word]
	if !ok {
		return line{}, errors.New("the verbs are set, get, kill, start, status, help, quit")
	}
	if rest != "" {
		return line{}, fmt.Errorf("%s takes nothing", word)
	}
	return line{verb: v}, nil
}

// parseSet parses "K V".
func parseSet(rest string) (line, error) {
	key, value, ok := strings.Cut(rest, " ")
	if value = strings.TrimSpace(value); !ok || value == "" {
		return line{}, errors.New("want set K V")
	}
	return line{verb: verbSet, key: key, value: value}, nil
}

// parseGet parses "K" and "K @N".
func parseGet(rest string, members int) (line, error) {
	words := strings.Fields(rest)
	switch {
	case len(words) == 1:
		return line{verb: verbGet, key: words[0], member: anyMember}, nil
	case len(words) == 2 && strings.HasPrefix(words[1], "@"):
		n, err := memberNumber(words[1][1:], members)
		return line{verb: verbGet, key: words[0], member: n}, err
	}
	return line{}, errors.New("want get K or get K @N")
}

// parseMember parses a member's number or one special word.
func parseMember(v verb, rest string, members int, word string, special int) (line, error) {
	if rest == word {
		return line{verb: v, member: special}, nil
	}
	n, err := memberNumber(rest, members)
	if err != nil {
		return line{}, fmt.Errorf("want a member or %q: %w", word, err)
	}
	return line{verb: v, member: n}, nil
}

// memberNumber parses the number of a member.
func memberNumber(text string, members int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > members {
		return 0, fmt.Errorf("%q is not a member's number, 1 to %d", text, members)
	}
	return n, nil
}
