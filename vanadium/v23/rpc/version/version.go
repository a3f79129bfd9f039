// Package version names the versions of the protocol between clients and servers.
package version

// RPCVersion is a version of the protocol. Later versions have greater numbers.
type RPCVersion uint32

// UnknownRPCVersion is the version of a connection on which none was agreed.
const UnknownRPCVersion RPCVersion = 0
