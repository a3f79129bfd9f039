package syntax

// File is the tree of one file.
type File struct {
	// Name is the name given to ParseFile.
	Name string
	// Doc is the comment above the package clause.
	Doc     string
	Package Name
	// HandWritten is set by a line //vdl:handwritten: the Go code of the package is written by hand, and the file only
	// tells other VDL files what is there.
	HandWritten bool
	Imports     []*Import
	Types       []*TypeDecl
	Consts      []*ConstDecl
	Errors      []*ErrorDecl
	// Interfaces holds the type declarations of the form "type X interface".
	Interfaces []*InterfaceDecl
}

// Name is a name at the place where it is declared. The comments belong to the declaration: Doc stands above it and
// Suffix behind it on the same line, both with their comment marks.
type Name struct {
	Pos    Pos
	Text   string
	Doc    string
	Suffix string
}

// Import is one imported package.
type Import struct {
	Pos Pos
	// Local is the name given to the package in this file, empty to use its own name.
	Local string
	Path  string
}

// TypeDecl declares a named type.
type TypeDecl struct {
	Name
	Type *Type
}

// ConstDecl declares a named constant.
type ConstDecl struct {
	Name
	Value *Expr
}

// ErrorDecl declares a kind of error.
type ErrorDecl struct {
	Name
	Params []*Field
	// Action is what a caller may do about the error, empty for NoRetry.
	Action string
	// Formats holds the messages by language. They are kept for the reader of the file only.
	Formats []Format
}

// Format is the message of an error in one language.
type Format struct {
	Pos      Pos
	Language string
	Text     string
}

// InterfaceDecl declares a set of methods.
type InterfaceDecl struct {
	Name
	Embeds  []Embed
	Methods []*Method
}

// Embed names an interface whose methods are included.
type Embed struct {
	Ref
	Doc string
}

// Method declares a method of an interface.
type Method struct {
	Name
	Args    []*Field
	Results []*Field
	// Up is the type of the items that the client streams to the server, Down that of the items in the other direction.
	// Nil means that there are none.
	Up, Down *Type
	Tags     []*Expr
}

// Field is a field of a struct or union, an argument or a result. A result may have no name.
type Field struct {
	Name
	Type *Type
}

// Ref is the use of a name: "Name", "pkg.Name", "Enum.Label", "pkg.Enum.Label", or "full/path".Name.
type Ref struct {
	Pos Pos
	// Path is the package path of the form "full/path".Name, otherwise empty.
	Path string
	// Parts holds the names between the dots.
	Parts []string
}

// String returns the reference as it is written.
func (r Ref) String() string {
	text := ""
	if r.Path != "" {
		text = `"` + r.Path + `".`
	}
	for i, part := range r.Parts {
		if i > 0 {
			text += "."
		}
		text += part
	}
	return text
}

// TypeForm says how a type is written.
type TypeForm int

// The forms of types.
const (
	FormRef        TypeForm = iota // Type.Ref
	FormError                      // error
	FormTypeObject                 // typeobject
	FormOptional                   // ?Elem
	FormArray                      // [Len]Elem
	FormList                       // []Elem
	FormSet                        // set[Key]
	FormMap                        // map[Key]Elem
	FormEnum                       // enum{Labels}
	FormStruct                     // struct{Fields}
	FormUnion                      // union{Fields}
)

// Type is a type as it is written; the form says which fields are used.
type Type struct {
	Pos    Pos
	Form   TypeForm
	Ref    Ref
	Len    string
	Key    *Type
	Elem   *Type
	Labels []Name
	Fields []*Field
}

// ExprForm says how a constant is written.
type ExprForm int

// The forms of constants.
const (
	FormInt       ExprForm = iota // Text
	FormFloat                     // Text
	FormString                    // Text, without quotes
	FormName                      // Ref
	FormConvert                   // Type(X)
	FormTypeOf                    // typeobject(Type)
	FormUnary                     // Op X
	FormBinary                    // X Op Y
	FormComposite                 // Type{Items}; Type may be nil
	FormIndex                     // X[Y]
)

// Expr is a constant as it is written; the form says which fields are used.
type Expr struct {
	Pos   Pos
	Form  ExprForm
	Text  string
	Ref   Ref
	Type  *Type
	Op    string
	X, Y  *Expr
	Items []Item
}

// Item is one element of a composite constant. Key is nil unless it is written.
type Item struct {
	Key   *Expr
	Value *Expr
}
