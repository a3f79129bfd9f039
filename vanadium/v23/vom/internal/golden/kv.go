package golden

import (
	"time"

	"v.io/v23/vdl"
)

// The types of the scratch package in which the vectors were made.
type (
	// Key is a string.
	Key string
	// Ver is an unsigned integer.
	Ver uint64
	// Op is an enum.
	Op int
	// Arr is an array of bytes.
	Arr [4]byte
	// IArr is an array of numbers.
	IArr [3]int32
	// Names is a list.
	Names []string
	// SetK is a set.
	SetK map[string]struct{}
	// Entry2 is an empty struct.
	Entry2 struct{}
)

// Entry has a field of every kind, and itself. Permissions is the type of its field Perms, which belongs to a package
// that stands above this one.
type Entry[Permissions any] struct {
	K     Key
	V     []byte
	Ver   Ver
	Op    Op
	When  time.Time
	D     time.Duration
	Opt   *Entry[Permissions]
	A     any
	T     *vdl.Type
	E     error
	U     Choice
	L     []Entry[Permissions]
	M     map[Key]Ver
	S     map[Key]struct{}
	Ar    Arr
	Nn    Names
	Bo    bool
	F     float32
	I8    int8
	Perms Permissions
	Arr3  IArr
}

// Choice is a union.
type Choice interface {
	VDLReflect(choiceReflect)
}

// The fields of Choice.
type (
	// ChoiceA is a string.
	ChoiceA struct{ Value string }
	// ChoiceB is a version.
	ChoiceB struct{ Value Ver }
	// ChoiceC is bytes.
	ChoiceC struct{ Value []byte }
	// ChoiceD is a struct.
	ChoiceD struct{ Value Entry2 }
)

type choiceReflect struct {
	Name  string `vdl:"v.io/x/ref/lib/raft/kv.Choice"`
	Type  Choice
	Union struct {
		A ChoiceA
		B ChoiceB
		C ChoiceC
		D ChoiceD
	}
}

// VDLReflect describes the union.
func (ChoiceA) VDLReflect(choiceReflect) {}

// VDLReflect describes the union.
func (ChoiceB) VDLReflect(choiceReflect) {}

// VDLReflect describes the union.
func (ChoiceC) VDLReflect(choiceReflect) {}

// VDLReflect describes the union.
func (ChoiceD) VDLReflect(choiceReflect) {}

// VDLReflect names the type.
func (Key) VDLReflect(struct {
	Name string `vdl:"v.io/x/ref/lib/raft/kv.Key"`
}) {
}

// VDLReflect names the type.
func (Ver) VDLReflect(struct {
	Name string `vdl:"v.io/x/ref/lib/raft/kv.Ver"`
}) {
}

// VDLReflect names the type and its labels.
func (Op) VDLReflect(struct {
	Name string `vdl:"v.io/x/ref/lib/raft/kv.Op"`
	Enum struct{ Put, Get, Cas string }
}) {
}

// VDLReflect names the type.
func (Arr) VDLReflect(struct {
	Name string `vdl:"v.io/x/ref/lib/raft/kv.Arr"`
}) {
}

// VDLReflect names the type.
func (IArr) VDLReflect(struct {
	Name string `vdl:"v.io/x/ref/lib/raft/kv.IArr"`
}) {
}

// VDLReflect names the type.
func (Names) VDLReflect(struct {
	Name string `vdl:"v.io/x/ref/lib/raft/kv.Names"`
}) {
}

// VDLReflect names the type.
func (SetK) VDLReflect(struct {
	Name string `vdl:"v.io/x/ref/lib/raft/kv.SetK"`
}) {
}

// VDLReflect names the type.
func (Entry2) VDLReflect(struct {
	Name string `vdl:"v.io/x/ref/lib/raft/kv.Entry2"`
}) {
}

// VDLReflect names the type.
func (Entry[Permissions]) VDLReflect(struct {
	Name string `vdl:"v.io/x/ref/lib/raft/kv.Entry"`
}) {
}
