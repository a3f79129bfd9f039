package keyvalue

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestApply(t *testing.T) {
	for _, test := range []struct {
		name, command, key, value string
		bad                       bool
	}{
		{name: "word", command: "set k v", key: "k", value: "v"},
		{name: "spaces in the value", command: "set k  a b ", key: "k", value: " a b "},
		{name: "longest", command: "set " + strings.Repeat("k", KeyMax) + " " + strings.Repeat("v", ValueMax),
			key: strings.Repeat("k", KeyMax), value: strings.Repeat("v", ValueMax)},
		{name: "empty", command: "", bad: true},
		{name: "other verb", command: "get k", bad: true},
		{name: "no value", command: "set k", bad: true},
		{name: "empty value", command: "set k ", bad: true},
		{name: "empty key", command: "set  v", bad: true},
		{name: "tab in the key", command: "set a\tb v", bad: true},
		{name: "two lines", command: "set k a\nb", bad: true},
		{name: "key too long", command: "set " + strings.Repeat("k", KeyMax+1) + " v", bad: true},
		{name: "value too long", command: "set k " + strings.Repeat("v", ValueMax+1), bad: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := NewStore()
			err := s.Apply([]byte(test.command))
			if errors.Is(err, ErrBadCommand) != test.bad || (err != nil) != test.bad {
				t.Fatalf("Apply: %v, want an error: %v", err, test.bad)
			}
			if test.bad {
				if s.Len() != 0 {
					t.Fatal("a bad command changed the state")
				}
				return
			}
			if got, found := s.Get(test.key); !found || got != test.value {
				t.Fatalf("Get: %q %v, want %q", got, found, test.value)
			}
			if again, err := Set(test.key, test.value); err != nil || string(again) != test.command {
				t.Fatalf("Set: %q %v, want %q", again, err, test.command)
			}
		})
	}
}

func TestSetRefuses(t *testing.T) {
	for _, pair := range [][2]string{{"", "v"}, {"a b", "v"}, {"k", ""}, {"k", "a\rb"}} {
		if command, err := Set(pair[0], pair[1]); !errors.Is(err, ErrBadCommand) {
			t.Errorf("Set(%q, %q) = %q, %v", pair[0], pair[1], command, err)
		}
	}
}

// filled returns a store of n keys.
func filled(t *testing.T, n int) *Store {
	t.Helper()
	s := NewStore()
	for i := range n {
		if err := s.Apply(fmt.Appendf(nil, "set k%d v %d", i, i)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// imageOf returns the bytes of a store's image.
func imageOf(t *testing.T, s *Store) []byte {
	t.Helper()
	var b bytes.Buffer
	if n, err := s.Image().WriteTo(&b); err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo: %d of %d bytes, %v", n, b.Len(), err)
	}
	return b.Bytes()
}

func TestImage(t *testing.T) {
	for _, n := range []int{0, 1, 1000} {
		s := filled(t, n)
		image := imageOf(t, s)
		restored := filled(t, 3)
		if err := restored.Restore(bytes.NewReader(image)); err != nil {
			t.Fatalf("%d keys: %v", n, err)
		}
		if !bytes.Equal(imageOf(t, restored), image) {
			t.Errorf("%d keys: the restored state has another image", n)
		}
		if restored.Len() != n {
			t.Errorf("%d keys after restoring %d", restored.Len(), n)
		}
	}
}

// TestImageIsCaptured changes the state between capturing and writing.
func TestImageIsCaptured(t *testing.T) {
	s := filled(t, 2)
	want := imageOf(t, s)
	captured := s.Image()
	if err := s.Apply([]byte("set k0 later")); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := captured.WriteTo(&b); err != nil || !bytes.Equal(b.Bytes(), want) {
		t.Fatalf("the image changed with the state (%v)", err)
	}
}

// TestRestoreRefuses damages every byte of an image, cuts it everywhere, and adds
// to it; none may be taken, and none may change the state.
func TestRestoreRefuses(t *testing.T) {
	image := imageOf(t, filled(t, 3))
	refuse := func(name string, bad []byte) {
		s := filled(t, 1)
		if err := s.Restore(bytes.NewReader(bad)); !errors.Is(err, ErrBadImage) {
			t.Errorf("%s: %v", name, err)
		}
		if s.Len() != 1 {
			t.Errorf("%s: the state changed", name)
		}
	}
	for i := range image {
		damaged := bytes.Clone(image)
		damaged[i] ^= 0x40
		refuse(fmt.Sprintf("byte %d damaged", i), damaged)
		refuse(fmt.Sprintf("cut at %d", i), image[:i])
	}
	refuse("longer", append(bytes.Clone(image), 0))
	refuse("boundless", []byte(imageMagic+"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"))
	refuse("boundless key", []byte(imageMagic+"\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f"))
}

func FuzzRestore(f *testing.F) {
	f.Add([]byte(imageMagic + "\x00"))
	f.Add([]byte(imageMagic + "\x01\x01k\x01v\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, image []byte) {
		s := NewStore()
		if err := s.Restore(bytes.NewReader(image)); err != nil && !errors.Is(err, ErrBadImage) {
			t.Errorf("an error of another kind: %v", err)
		}
	})
}
