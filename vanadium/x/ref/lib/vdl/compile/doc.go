// Package compile gives VDL files their meaning: it resolves names, evaluates constants, and rejects what the language
// or its counterparts in other programming languages cannot express.
//
// A package is compiled as a whole, after the packages that it imports. The rules beyond the grammar are:
//
//   - Arrays, enums, structs and unions have names; optionals are of named structs and have none.
//   - Types may contain themselves through optionals, lists and maps only. Keys of sets and maps are made of scalars.
//   - Fields, labels and methods begin with an upper-case letter. Names are in camel case: Id, not ID.
//   - What is exported is made of what is exported; arguments, results and streamed items of all interfaces are.
//   - Arguments have names, and so have results if there are several.
//   - Constants have a type, fit it, and do not depend on themselves. Interfaces do not embed themselves.
//   - Imports are used.
//
// Each mistake is reported with its place and with what to write instead.
package compile
