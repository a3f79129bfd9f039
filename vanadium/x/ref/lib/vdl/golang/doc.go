// Package golang writes the Go code of compiled VDL packages.
//
// Generate returns one file for a package. For each type it has the Go type and methods that encode and decode values
// without reflection; for each constant a Go constant or variable; for each error X the identity ErrX and the functions
// ErrorfX, MessageX and ParamsErrX; and for each interface X what is needed to call it, XClient, and to serve it,
// XServer. The file is formatted, and equal for equal input.
//
// Types that travel in one form and are used in another, such as time.Time, are called native. They are converted by
// functions of the package that declares the wire type, named after it: TimeToNative and TimeFromNative.
//
// The code relies on the packages below v.io/v23 only.
package golang
