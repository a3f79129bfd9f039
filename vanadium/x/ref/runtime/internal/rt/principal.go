package rt

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	"v.io/v23/context"
	"v.io/v23/security"

	vsecurity "v.io/x/ref/lib/security"
)

// newPrincipal loads or makes the principal of the runtime.
func newPrincipal(ctx *context.T, cfg Config) (security.Principal, error) {
	if cfg.Credentials != "" {
		p, err := vsecurity.LoadPersistentPrincipalDaemon(ctx, cfg.Credentials, nil, true, cfg.ReloadInterval)
		if err != nil {
			return nil, fmt.Errorf("loading the credentials in %v: %w", cfg.Credentials, err)
		}
		return p, nil
	}
	p, err := vsecurity.NewPrincipal()
	if err != nil {
		return nil, fmt.Errorf("making a principal: %w", err)
	}
	if err := vsecurity.InitDefaultBlessings(p, anonymousName()); err != nil {
		return nil, fmt.Errorf("blessing the new principal: %w", err)
	}
	return p, nil
}

// fruits tell apart the principals that were not given a name.
var fruits = [...]string{
	"apple", "apricot", "banana", "cherry", "fig", "grape", "kiwi", "lemon", "mango", "melon",
	"olive", "orange", "papaya", "peach", "pear", "plum", "quince", "raspberry", "strawberry", "tangerine",
}

// anonymousName is the blessing of a principal that was not given any. It has
// no characters that a blessing may not have.
func anonymousName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	host = strings.Map(func(r rune) rune {
		if strings.ContainsRune(":,()<>/@", r) {
			return '-'
		}
		return r
	}, strings.Trim(host, "."))
	return fmt.Sprintf("anonymous-%s-%d@%s", fruits[rand.N(len(fruits))], os.Getpid(), host)
}
