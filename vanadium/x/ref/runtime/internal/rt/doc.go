// Package rt implements v23.Runtime: it puts principal, client, namespace and the
// other parts of a runtime into contexts, and waits for them at shutdown.
package rt
