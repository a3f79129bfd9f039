// Package ref names the environment variables that Vanadium processes look at.
package ref

import (
	"os"
	"slices"
	"strings"
)

// The environment variables.
const (
	// EnvCredentials is the directory of the principal.
	EnvCredentials = "V23_CREDENTIALS"
	// EnvNamespacePrefix begins the name of each variable that holds a root of
	// the namespace.
	EnvNamespacePrefix = "V23_NAMESPACE"
	// EnvDisableNamespaceCache turns the namespace client's cache off if not empty.
	EnvDisableNamespaceCache = "V23_DISABLE_NS_CACHE"
	// EnvCredentialsReloadInterval is how often credentials given by directory are
	// read again, as time.ParseDuration takes it.
	EnvCredentialsReloadInterval = "V23_CREDENTIALS_RELOAD_INTERVAL"
	// EnvCredentialsReadonlyFileSystem says, if not empty, that the directory of
	// the credentials cannot be locked because its file system is read-only.
	EnvCredentialsReadonlyFileSystem = "V23_CREDENTIALS_READONLY_FILESYSTEM"
	// EnvPublishPeriod is how often servers mount their names again, as
	// time.ParseDuration takes it; a minute when it is empty. A mount table that lost
	// its state knows every server again after that time.
	EnvPublishPeriod = "V23_PUBLISH_PERIOD"
)

// Getenv is the value of an environment variable, without space around it.
func Getenv(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// EnvNamespaceRoots returns the roots of the namespace given in the environment: by
// the names of the variables, and as a list in the order of these names.
func EnvNamespaceRoots() (map[string]string, []string) {
	byName := make(map[string]string)
	var names []string
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		value = strings.TrimSpace(value)
		if strings.HasPrefix(name, EnvNamespacePrefix) && value != "" {
			byName[name] = value
			names = append(names, name)
		}
	}
	slices.Sort(names)
	roots := make([]string, len(names))
	for i, name := range names {
		roots[i] = byName[name]
	}
	return byName, roots
}
