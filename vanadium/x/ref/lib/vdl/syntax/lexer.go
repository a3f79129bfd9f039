package syntax

import (
	"go/constant"
	gotoken "go/token"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxFileBytes bounds the size of a file.
const MaxFileBytes = 4 << 20

// maxNumberChars bounds the length of a number, so that its value stays small.
const maxNumberChars = 400

// maxExponentChars bounds the length of an exponent with its sign.
const maxExponentChars = 5

// lexer splits the text of a file into tokens and comments.
type lexer struct {
	file string
	text string
	// at is the offset of the next character, lineStart that of the first character of its line.
	at, lineStart int
	line          int

	tokens   []token
	comments []comment
}

// scan returns all tokens, of which the last is the end of the file, and all comments.
func scan(file string, src []byte) ([]token, []comment, error) {
	l := &lexer{file: file, text: string(src), line: 1}
	if len(src) > MaxFileBytes {
		return nil, nil, Errorf(l.pos(), "the file has %d bytes, at most %d: split it", len(src), MaxFileBytes)
	}
	if !utf8.ValidString(l.text) {
		return nil, nil, Errorf(l.pos(), "the file is not UTF-8")
	}
	// Comments are copied to places where neither is allowed.
	if at := strings.IndexAny(l.text, "\x00\ufeff"); at >= 0 {
		l.line += strings.Count(l.text[:at], "\n")
		l.lineStart, l.at = strings.LastIndexByte(l.text[:at], '\n')+1, at
		return nil, nil, Errorf(l.pos(), "the file has a NUL or a byte order mark: remove it")
	}
	for {
		l.skipSpace()
		if l.at == len(l.text) {
			l.endLine()
			l.emit(kindEOF, "")
			return l.tokens, l.comments, nil
		}
		if err := l.next(); err != nil {
			return nil, nil, err
		}
	}
}

func (l *lexer) pos() Pos { return Pos{File: l.file, Line: l.line, Col: l.at - l.lineStart + 1} }

func (l *lexer) rest() string { return l.text[l.at:] }

func (l *lexer) emit(k kind, text string) {
	l.tokens = append(l.tokens, token{kind: k, text: text, pos: l.pos()})
}

// endLine inserts the semicolon that the end of the line stands for.
func (l *lexer) endLine() {
	if n := len(l.tokens); n > 0 && l.tokens[n-1].endsLine() {
		l.emit(";", ";")
		l.tokens[n].implied = true
	}
}

func (l *lexer) newLine() {
	l.at++
	l.line++
	l.lineStart = l.at
}

func (l *lexer) skipSpace() {
	for l.at < len(l.text) {
		switch l.text[l.at] {
		case '\n':
			l.endLine()
			l.newLine()
		case ' ', '\t', '\r':
			l.at++
		default:
			return
		}
	}
}

func (l *lexer) next() error {
	c := l.text[l.at]
	switch {
	case strings.HasPrefix(l.rest(), "//"):
		l.lineComment()
		return nil
	case strings.HasPrefix(l.rest(), "/*"):
		return l.blockComment()
	case isLetter(c):
		return l.word()
	case isDigit(c) || c == '.' && l.at+1 < len(l.text) && isDigit(l.text[l.at+1]):
		return l.number()
	case c == '"':
		return l.quoted()
	case c == '`':
		return l.rawString()
	}
	return l.mark()
}

func isLetter(c byte) bool { return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (l *lexer) lineComment() {
	end := strings.IndexByte(l.rest(), '\n')
	if end < 0 {
		end = len(l.rest())
	}
	text := strings.TrimRight(l.rest()[:end], " \t\r")
	l.addComment(text, l.line)
	l.at += end
}

// blockComment ends a line if it spans lines, as in Go.
func (l *lexer) blockComment() error {
	end := strings.Index(l.rest()[2:], "*/")
	if end < 0 {
		return Errorf(l.pos(), "the comment has no end: write */")
	}
	text := l.rest()[:end+4]
	lines := strings.Count(text, "\n")
	l.addComment(strings.ReplaceAll(text, "\r", ""), l.line+lines)
	if lines == 0 {
		l.at += len(text)
		return nil
	}
	l.endLine()
	l.line += lines
	l.lineStart = l.at + strings.LastIndexByte(text, '\n') + 1
	l.at += len(text)
	return nil
}

// addComment adds a comment that begins here and ends on the given line. Comments on consecutive lines are one comment.
func (l *lexer) addComment(text string, last int) {
	ownLine := strings.TrimSpace(l.text[l.lineStart:l.at]) == ""
	if n := len(l.comments); n > 0 && ownLine {
		if prev := &l.comments[n-1]; prev.ownLine && prev.last == l.line-1 {
			prev.text += "\n" + text
			prev.last = last
			return
		}
	}
	l.comments = append(l.comments, comment{text: text, first: l.line, last: last, ownLine: ownLine})
}

func (l *lexer) word() error {
	n := 1
	for n < len(l.rest()) && (isLetter(l.rest()[n]) || isDigit(l.rest()[n])) {
		n++
	}
	word := l.rest()[:n]
	switch {
	case word == "_":
		l.emit("_", word)
	case word[0] == '_':
		return Errorf(l.pos(), "%s is not a name: names begin with a letter", word)
	case keywords[word]:
		l.emit(kindKeyword, word)
	default:
		l.emit(kindIdent, word)
	}
	l.at += n
	return nil
}

// number takes everything that could belong to a number and lets the rules of Go judge it.
func (l *lexer) number() error {
	text := l.rest()
	hex := isHex(text)
	n := 1
	for n < len(text) {
		c, prev := text[n], text[n-1]|0x20
		sign := (c == '+' || c == '-') && (prev == 'e' && !hex || prev == 'p' && hex)
		if !isLetter(c) && !isDigit(c) && c != '.' && !sign {
			break
		}
		n++
	}
	text = text[:n]
	if n > maxNumberChars {
		return Errorf(l.pos(), "the number has %d characters, at most %d", n, maxNumberChars)
	}
	switch {
	case constant.MakeFromLiteral(text, gotoken.INT, 0).Kind() == constant.Int:
		l.emit(kindInt, text)
	case floatLiteral(text):
		l.emit(kindFloat, text)
	default:
		return Errorf(l.pos(), "%q is not a number", text)
	}
	l.at += n
	return nil
}

func isHex(text string) bool { return strings.HasPrefix(text, "0x") || strings.HasPrefix(text, "0X") }

// floatLiteral reports whether the text is a decimal number of reasonable size: the range of float64 is enough. Exact
// arithmetic on a number with a huge negative exponent would take forever.
func floatLiteral(text string) bool {
	marks := "eE"
	if isHex(text) {
		marks = "pP"
	}
	exponent := text[strings.IndexAny(text, marks)+1:]
	if len(exponent) < len(text) && len(exponent) > maxExponentChars || !strings.ContainsAny(text, "."+marks) {
		return false
	}
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		return false
	}
	return constant.MakeFromLiteral(text, gotoken.FLOAT, 0).Kind() != constant.Unknown
}

func (l *lexer) quoted() error {
	text := l.rest()
	n := 1
	for n < len(text) && text[n] != '"' && text[n] != '\n' {
		if text[n] == '\\' && n+1 < len(text) && text[n+1] != '\n' {
			n++
		}
		n++
	}
	if n >= len(text) || text[n] != '"' {
		return Errorf(l.pos(), "the string has no end: write \" on the same line")
	}
	value, err := strconv.Unquote(text[:n+1])
	if err != nil {
		return Errorf(l.pos(), "the string has a bad escape: %s", text[:n+1])
	}
	l.emit(kindString, value)
	l.at += n + 1
	return nil
}

func (l *lexer) rawString() error {
	end := strings.IndexByte(l.rest()[1:], '`')
	if end < 0 {
		return Errorf(l.pos(), "the string has no end: write `")
	}
	text := l.rest()[:end+2]
	l.emit(kindString, strings.ReplaceAll(text[1:end+1], "\r", ""))
	if lines := strings.Count(text, "\n"); lines > 0 {
		l.line += lines
		l.lineStart = l.at + strings.LastIndexByte(text, '\n') + 1
	}
	l.at += len(text)
	return nil
}

// marks holds the marks and operators; the longer ones come first.
var marks = []string{
	"||", "&&", "==", "!=", "<=", ">=", "<<", ">>",
	"(", ")", "[", "]", "{", "}", "<", ">", ";", ",", ".", ":", "=", "?", "!", "+", "-", "*", "/", "%", "&", "|", "^",
}

func (l *lexer) mark() error {
	for _, m := range marks {
		if strings.HasPrefix(l.rest(), m) {
			l.emit(kind(m), m)
			l.at += len(m)
			return nil
		}
	}
	r, _ := utf8.DecodeRuneInString(l.rest())
	return Errorf(l.pos(), "unexpected character %q", r)
}
