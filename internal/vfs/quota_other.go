//go:build windows || plan9

package vfs

// quota are the errors of a quota that is used up.
var quota []error
