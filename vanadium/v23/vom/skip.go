package vom

import (
	"fmt"

	"v.io/v23/vdl"
)

func (d *decoder) SkipValue() error {
	if d.ignore {
		return fmt.Errorf("vom: a value that was begun cannot be skipped")
	}
	tt, err := d.expected()
	if err != nil {
		return err
	}
	if err := d.skip(tt, d.inBytes(1), len(d.stack)); err != nil {
		return err
	}
	return d.finishMessage()
}

// skip passes over a value that has the type tt in the stream. It checks the form of the value but not its scalars.
func (d *decoder) skip(tt *vdl.Type, isEntry bool, depth int) error {
	if depth >= maxNesting {
		return errNesting
	}
	end := -1
	if tt.Kind() == vdl.Any {
		if d.takeNil() {
			return nil
		}
		var err error
		if tt, end, err = d.anyHeader(); err != nil {
			return err
		}
	}
	if tt.Kind() == vdl.Optional {
		if d.takeNil() {
			return checkEnd(end, d.pos)
		}
		tt = tt.Elem()
	}
	if err := d.skipContent(tt, isEntry, depth); err != nil {
		return err
	}
	return checkEnd(end, d.pos)
}

func checkEnd(end, pos int) error {
	if end >= 0 && end != pos {
		return fmt.Errorf("vom: any ends at byte %d but its value at byte %d", end, pos)
	}
	return nil
}

func (d *decoder) skipContent(tt *vdl.Type, isEntry bool, depth int) error {
	switch tt.Kind() {
	case vdl.Array, vdl.List, vdl.Set, vdl.Map:
		return d.skipEntries(tt, depth)
	case vdl.Struct:
		return d.skipStruct(tt, depth)
	case vdl.Union:
		i, err := d.fieldIndex(tt)
		if err != nil {
			return err
		}
		return d.skip(tt.Field(i).Type, false, depth+1)
	case vdl.Bool:
		_, err := d.takeBool(tt)
		return err
	case vdl.String, vdl.Enum:
		return d.skipString(tt)
	case vdl.TypeObject:
		_, err := d.takeTypeObject(tt)
		return err
	}
	_, err := d.takeNumber(tt, isEntry)
	return err
}

func (d *decoder) skipEntries(tt *vdl.Type, depth int) error {
	n, err := d.entries(tt)
	if err != nil {
		return err
	}
	if tt.IsBytes() {
		d.pos += n
		return nil
	}
	for range n {
		if tt.Kind() == vdl.Set || tt.Kind() == vdl.Map {
			if err := d.skip(tt.Key(), false, depth+1); err != nil {
				return err
			}
		}
		if tt.Kind() != vdl.Set {
			if err := d.skip(tt.Elem(), false, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *decoder) skipStruct(tt *vdl.Type, depth int) error {
	for {
		if d.pos < len(d.body) && d.body[d.pos] == controlEnd {
			d.pos++
			return nil
		}
		i, err := d.fieldIndex(tt)
		if err != nil {
			return err
		}
		if err := d.skip(tt.Field(i).Type, false, depth+1); err != nil {
			return err
		}
	}
}

// fieldIndex takes the index of a field.
func (d *decoder) fieldIndex(tt *vdl.Type) (int, error) {
	i, err := d.uint()
	if err == nil && i >= uint64(tt.NumField()) {
		err = fmt.Errorf("vom: %v has no field %d", tt, i)
	}
	return int(i), err
}

func (d *decoder) skipString(tt *vdl.Type) error {
	if tt.Kind() == vdl.Enum {
		_, err := d.takeString(tt)
		return err
	}
	n, err := d.uint()
	if err != nil {
		return err
	}
	if n > uint64(len(d.body)-d.pos) {
		return errTruncated
	}
	d.pos += int(n)
	return nil
}
