package naming

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Endpoint tells how to reach a server and what to expect there. It is a value and comparable.
//
// Its text has these forms, of which the first is the canonical one:
//
//	@6@<protocol>@<address>@<route>,...@<routing id>@<m|s>@<blessing>,...@@
//	(<blessing>,...)@<host>:<port>      a mount table, like any server of which nothing else is known
//	<host>:<port>                       the same without expectations
//	<host>:<port>#                      not a mount table
//
// In the first form, '@' and '%' in the address and in routes, and ',' in routes, are escaped; the letter is m for a
// mount table and s for any other server.
type Endpoint struct {
	Protocol         string    // network to dial, such as "tcp"; UnknownProtocol if unknown
	Address          string    // what to dial on it
	RoutingID        RoutingID // the receiver at the address
	ServesMountTable bool      // whether the server resolves names below its own

	routes   string // escaped, separated by commas
	blessing string // names separated by commas, which names cannot have
}

// endpointSeparator separates the fields of the text and, doubled, ends it.
const endpointSeparator = "@"

// fieldsBeforeBlessings is the number of separators before the last field: it may have single '@' in it.
const fieldsBeforeBlessings = 7

// ParseEndpoint returns the endpoint of the text.
func ParseEndpoint(input string) (Endpoint, error) {
	if strings.HasPrefix(input, endpointSeparator) {
		return parseFull(input)
	}
	return parseShort(input)
}

// parseShort parses [(blessing,...)@]host:port[#].
func parseShort(input string) (Endpoint, error) {
	ep := Endpoint{ServesMountTable: true}
	rest := input
	if strings.HasPrefix(rest, "(") {
		end := strings.LastIndex(rest, ")@")
		if end < 0 {
			return Endpoint{}, fmt.Errorf("naming: the blessings of the endpoint %q do not end with )@", input)
		}
		ep.blessing, rest = rest[1:end], rest[end+2:]
	}
	if hostPort, ok := strings.CutSuffix(rest, "#"); ok {
		rest, ep.ServesMountTable = hostPort, false
	}
	if strings.Contains(rest, endpointSeparator) {
		return Endpoint{}, fmt.Errorf("naming: the endpoint %q is neither host:port nor begins with @", input)
	}
	if _, _, err := net.SplitHostPort(rest); err != nil {
		return Endpoint{}, fmt.Errorf("naming: the endpoint %q is not host:port: %w", input, err)
	}
	ep.Address = rest
	return ep, nil
}

// parseFull parses the form with all fields.
func parseFull(input string) (Endpoint, error) {
	text := strings.TrimPrefix(strings.TrimSuffix(input, "@@"), endpointSeparator)
	fields := strings.SplitN(text, endpointSeparator, fieldsBeforeBlessings)
	version, err := strconv.ParseUint(fields[0], 10, 16)
	if err != nil {
		return Endpoint{}, fmt.Errorf("naming: the version of the endpoint %q is not a number: %w", input, err)
	}
	if version != 6 {
		return Endpoint{}, fmt.Errorf("naming: the endpoint %q has version %d, and only 6 is known", input, version)
	}
	if len(fields) < fieldsBeforeBlessings-1 {
		return Endpoint{}, fmt.Errorf("naming: the endpoint %q has %d fields, and 6 are needed", input, len(fields))
	}
	return parseFields(input, fields)
}

// parseFields parses the fields of version 6.
func parseFields(input string, fields []string) (Endpoint, error) {
	ep := Endpoint{Protocol: fields[1], routes: fields[3]}
	var ok bool
	if ep.Address, ok = Unescape(fields[2]); !ok {
		return Endpoint{}, fmt.Errorf("naming: the address of the endpoint %q has a bad escape", input)
	}
	if ep.Address == "" {
		ep.Address = net.JoinHostPort("", "0")
	}
	for _, route := range splitList(ep.routes) {
		if _, ok := Unescape(route); !ok {
			return Endpoint{}, fmt.Errorf("naming: a route of the endpoint %q has a bad escape", input)
		}
	}
	if err := ep.RoutingID.FromString(fields[4]); err != nil {
		return Endpoint{}, fmt.Errorf("naming: endpoint %q: %w", input, err)
	}
	switch fields[5] {
	case "", "m":
		ep.ServesMountTable = true
	case "s", "l":
	default:
		return Endpoint{}, fmt.Errorf("naming: the endpoint %q has the kind %q, neither m nor s", input, fields[5])
	}
	if len(fields) == fieldsBeforeBlessings {
		ep.blessing = fields[6]
	}
	return ep, nil
}

// FormatEndpoint returns the text of the endpoint with the options RoutingID, ServesMountTable, BlessingOpt and
// RouteOpt, of which the last two may be given several times.
func FormatEndpoint(network, address string, opts ...EndpointOpt) string {
	ep := Endpoint{Protocol: network, Address: address}
	var blessings, routes []string
	for _, opt := range opts {
		switch opt := opt.(type) {
		case RoutingID:
			ep.RoutingID = opt
		case ServesMountTable:
			ep.ServesMountTable = bool(opt)
		case BlessingOpt:
			blessings = append(blessings, string(opt))
		case RouteOpt:
			routes = append(routes, string(opt))
		}
	}
	return ep.WithBlessingNames(blessings).WithRoutes(routes).String()
}

// String returns the canonical text.
func (e Endpoint) String() string { return e.VersionedString(DefaultEndpointVersion) }

// VersionedString returns the text in the form of the version. Versions other than 6 give that of version 6.
func (e Endpoint) VersionedString(int) string {
	kind := "s"
	if e.ServesMountTable {
		kind = "m"
	}
	address := Escape(e.Address, endpointSeparator)
	fields := []string{"", "6", e.Protocol, address, e.routes, e.RoutingID.String(), kind, e.blessing, "", ""}
	return strings.Join(fields, endpointSeparator)
}

// Name returns the rooted name of the server itself.
func (e Endpoint) Name() string { return JoinAddressName(e.String(), "") }

// Addr returns the protocol and the address.
func (e Endpoint) Addr() net.Addr { return addr{e.Protocol, e.Address} }

// IsZero reports whether e is the zero value.
func (e Endpoint) IsZero() bool { return e == Endpoint{} }

// BlessingNames returns the names that the server is expected to have. The slice is the caller's.
func (e Endpoint) BlessingNames() []string { return splitList(e.blessing) }

// WithBlessingNames returns the endpoint with the names in place of those of e. Names without text are dropped.
func (e Endpoint) WithBlessingNames(names []string) Endpoint {
	e.blessing = joinList(names)
	return e
}

// Routes returns the names by which proxies reach the server. The slice is the caller's.
func (e Endpoint) Routes() []string {
	routes := splitList(e.routes)
	for i, route := range routes {
		if plain, ok := Unescape(route); ok {
			routes[i] = plain
		}
	}
	return routes
}

// WithRoutes returns the endpoint with the routes in place of those of e.
func (e Endpoint) WithRoutes(routes []string) Endpoint {
	escaped := make([]string, len(routes))
	for i, route := range routes {
		escaped[i] = Escape(route, "@,")
	}
	e.routes = joinList(escaped)
	return e
}

// splitList is the inverse of joinList.
func splitList(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// joinList joins those with text.
func joinList(items []string) string {
	kept := make([]string, 0, len(items))
	for _, item := range items {
		if item != "" {
			kept = append(kept, item)
		}
	}
	return strings.Join(kept, ",")
}

// addr is a net.Addr of any network.
type addr struct{ network, address string }

func (a addr) Network() string { return a.network }
func (a addr) String() string  { return a.address }
