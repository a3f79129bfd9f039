// Package vfs is the only way in which storage touches a disk.
//
// [FS] says what a log and a snapshot store need of a file system, and no more. There are three of
// them. [OS] is the machine's own. [Memory] keeps everything in memory and remembers, per sector
// and per directory entry, what was synced, so that a test can cut the power at any moment, choose
// what of the rest survived, and go on with what a machine would find after the crash. [Faulty]
// stands before either and makes single operations fail, stop short or wait.
//
// The promises are those of POSIX and not one more: written bytes survive a loss of power only
// after [File.Sync]; a file that was created, renamed or removed is found that way after a loss of
// power only once [FS.SyncDir] of its directory returned. What was not synced may be lost in part,
// in units of 512-byte sectors, in any order. A sector that is written again while it holds synced
// bytes keeps those bytes where the new ones are equal (the property that is called power-safe
// overwrite): a write does not harm its neighbours.
package vfs
