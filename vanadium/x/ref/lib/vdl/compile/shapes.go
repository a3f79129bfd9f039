package compile

import "v.io/x/ref/lib/vdl/syntax"

// shapes checks the rules that need complete types: what optionals and keys are made of, containment and export.
func (c *checker) shapes(f *syntax.File) {
	for _, d := range f.Types {
		t := c.pkg.scope[d.Text].(*typeEntry).typ
		c.try(func() {
			c.checkParts(d.Type.Pos, t)
			if cycle := containment(t, t, make(map[*Type]bool)); cycle != "" {
				c.fail(d.Pos, "type %s contains itself, so that its values never end: %s%s; use ?%s, a list or a map",
					t.Name, t.Name, cycle, t.Name)
			}
			if t.Exported() {
				c.checkExported(d.Pos, t, "the exported type "+t.Name)
			}
		})
	}
}

// checkUse checks a type that is used outside of type declarations.
func (c *checker) checkUse(src *syntax.Type) *Type {
	t := c.typ(src)
	c.checkShape(src.Pos, t)
	return t
}

// checkShape checks a type up to the named types in it, which are checked where they are declared.
func (c *checker) checkShape(pos syntax.Pos, t *Type) {
	if t.Named() {
		return
	}
	c.checkParts(pos, t)
}

func (c *checker) checkParts(pos syntax.Pos, t *Type) {
	if t.Kind == Optional && !(t.Elem.Named() && t.Elem.Kind == Struct) {
		c.fail(pos, "?%v is not possible: only named structs can be optional", t.Elem)
	}
	if t.Key != nil {
		if bad := notKey(t.Key, make(map[*Type]bool)); bad != nil {
			c.fail(pos, "%v cannot be a key, because it contains %v: keys are made of bools, numbers, strings and enums",
				t.Key, bad)
		}
		c.checkShape(pos, t.Key)
	}
	if t.Elem != nil {
		c.checkShape(pos, t.Elem)
	}
	for _, f := range t.Fields {
		c.checkShape(f.Pos, f.Type)
	}
}

// notKey returns the part of the type because of which it cannot be a key, or nil.
func notKey(t *Type, seen map[*Type]bool) *Type {
	if seen[t] {
		return nil
	}
	seen[t] = true
	switch t.Kind {
	case Any, ErrorKind, TypeObject, Optional, List, Set, Map:
		return t
	case Array:
		return notKey(t.Elem, seen)
	}
	for _, f := range t.Fields {
		if bad := notKey(f.Type, seen); bad != nil {
			return bad
		}
	}
	return nil
}

// containment returns the path on which values of type t always contain a value of type target, or "".
func containment(target, t *Type, seen map[*Type]bool) string {
	if seen[t] {
		return ""
	}
	seen[t] = true
	parts := t.Fields
	if t.Kind == Array {
		parts = []Field{{Type: t.Elem}}
	}
	for _, part := range parts {
		step := "." + part.Name
		if t.Kind == Array {
			step = "[0]"
		}
		if part.Type == target {
			return step
		}
		if rest := containment(target, part.Type, seen); rest != "" {
			return step + rest
		}
	}
	return ""
}

// checkExported reports a type that reaches a type which other packages cannot use.
func (c *checker) checkExported(pos syntax.Pos, t *Type, what string) {
	if hidden := unexported(t, make(map[*Type]bool)); hidden != nil {
		c.fail(pos, "%s uses %s, which is not exported: types must be transitively exported; rename %s to begin with "+
			"an upper-case letter", what, hidden.Name, hidden.Name)
	}
}

func unexported(t *Type, seen map[*Type]bool) *Type {
	if t == nil || seen[t] {
		return nil
	}
	seen[t] = true
	if t.Named() && !t.Exported() {
		return t
	}
	for _, part := range []*Type{t.Key, t.Elem} {
		if hidden := unexported(part, seen); hidden != nil {
			return hidden
		}
	}
	for _, f := range t.Fields {
		if hidden := unexported(f.Type, seen); hidden != nil {
			return hidden
		}
	}
	return nil
}
