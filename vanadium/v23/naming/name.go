package naming

import "strings"

// SplitAddressName splits a rooted name into the address of the server and the name there, which is relative. For a
// relative name the address is empty.
func SplitAddressName(name string) (address, rest string) {
	if !Rooted(name) {
		return "", name
	}
	body := strings.TrimLeft(name, "/")
	end := addressEnd(body)
	return body[:end], strings.TrimLeft(body[end:], "/")
}

// addressEnd returns the length of the address at the beginning of a name.
func addressEnd(body string) int {
	switch {
	case strings.HasPrefix(body, endpointSeparator):
		if end := endpointEnd(body); end >= 0 {
			return end
		}
	case strings.HasPrefix(body, "("):
		if close := strings.Index(body, ")@"); close >= 0 {
			return close + untilSlash(body[close:])
		}
	}
	return untilSlash(body)
}

// untilSlash returns the index of the first slash, or the length.
func untilSlash(text string) int {
	if slash := strings.IndexByte(text, '/'); slash >= 0 {
		return slash
	}
	return len(text)
}

// endpointEnd returns the length of the full text of an endpoint at the beginning of a name, or -1. The address in it
// may have slashes, so the fields before the blessings are skipped by number; blessings have neither "@@" nor slashes.
func endpointEnd(body string) int {
	at := 0
	for range fieldsBeforeBlessings {
		next := strings.Index(body[at:], endpointSeparator)
		if next < 0 {
			return -1
		}
		at += next + 1
	}
	for at < len(body) {
		next := strings.Index(body[at:], "@@")
		if next < 0 {
			return -1
		}
		end := at + next + 2
		if end == len(body) || body[end] == '/' {
			return end
		}
		at += next + 1
	}
	return -1
}

// JoinAddressName returns the rooted name of name at the address, or just name if the address is empty.
func JoinAddressName(address, name string) string {
	address = strings.TrimLeft(address, "/")
	switch {
	case address == "":
		return Clean(name)
	case name == "":
		return "/" + address
	}
	if name = strings.TrimLeft(Clean(name), "/"); name == "" {
		return "/" + address
	}
	return "/" + address + "/" + name
}

// Join joins parts of a name with slashes. Empty parts count for nothing; the name is rooted if the first of the others
// is.
func Join(elems ...string) string {
	for len(elems) > 0 && elems[0] == "" {
		elems = elems[1:]
	}
	return Clean(strings.Join(elems, "/"))
}

// Rooted reports whether the name begins with a slash, and so with an address.
func Rooted(name string) bool { return strings.HasPrefix(name, "/") }

// Clean returns the name with one slash in place of several and without slashes at the end. A name of nothing but
// slashes becomes "/".
func Clean(name string) string {
	clean := name
	if strings.Contains(name, "//") {
		var text strings.Builder
		for i := range len(name) {
			if name[i] != '/' || i == 0 || name[i-1] != '/' {
				text.WriteByte(name[i])
			}
		}
		clean = text.String()
	}
	if len(clean) > 1 {
		clean = strings.TrimSuffix(clean, "/")
	}
	return clean
}

// TrimSuffix returns the name without the suffix and the slash before it, or the name if it does not end with the
// suffix as a whole number of elements.
func TrimSuffix(name, suffix string) string {
	name, suffix = Clean(name), Clean(suffix)
	switch {
	case suffix == "":
		return name
	case name == suffix:
		return ""
	}
	if shorter, ok := strings.CutSuffix(name, "/"+strings.TrimPrefix(suffix, "/")); ok {
		return shorter
	}
	return name
}

// IsReserved reports whether the relative name begins with a reserved element.
func IsReserved(name string) bool { return strings.HasPrefix(name, ReservedNamePrefix) }

// StripReserved returns the name without the prefix that makes it reserved.
func StripReserved(name string) string {
	return strings.TrimPrefix(name, ReservedNamePrefix)
}

const hexDigits = "0123456789ABCDEF"

// Escape returns text with '%' and all bytes that occur in special written as '%' and two hexadecimal digits.
func Escape(text, special string) string {
	special = "%" + special
	if !strings.ContainsAny(text, special) {
		return text
	}
	var escaped strings.Builder
	for i := range len(text) {
		c := text[i]
		if strings.IndexByte(special, c) < 0 {
			escaped.WriteByte(c)
			continue
		}
		escaped.WriteByte('%')
		escaped.WriteByte(hexDigits[c>>4])
		escaped.WriteByte(hexDigits[c&15])
	}
	return escaped.String()
}

// Unescape is the inverse of Escape. It returns false if a '%' is not followed by two hexadecimal digits.
func Unescape(text string) (string, bool) {
	if strings.IndexByte(text, '%') < 0 {
		return text, true
	}
	plain := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			plain = append(plain, text[i])
			continue
		}
		if i+2 >= len(text) {
			return "", false
		}
		high, low := unhex(text[i+1]), unhex(text[i+2])
		if high < 0 || low < 0 {
			return "", false
		}
		plain = append(plain, byte(high<<4|low))
		i += 2
	}
	return string(plain), true
}

// unhex returns the value of a hexadecimal digit, or -1.
func unhex(digit byte) int {
	switch {
	case '0' <= digit && digit <= '9':
		return int(digit - '0')
	case 'A' <= digit && digit <= 'F':
		return int(digit-'A') + 10
	case 'a' <= digit && digit <= 'f':
		return int(digit-'a') + 10
	}
	return -1
}

// EncodeAsNameElement returns the text in a form that is a single element of a name.
func EncodeAsNameElement(text string) string { return Escape(text, "/") }

// DecodeFromNameElement is the inverse of EncodeAsNameElement. It returns false if the element is not of that form.
func DecodeFromNameElement(element string) (string, bool) { return Unescape(element) }
