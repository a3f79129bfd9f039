package mounttablelib

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// FuzzPermsFile checks that no permissions file harms the tree, and that those that are taken leave it usable.
func FuzzPermsFile(f *testing.F) {
	f.Add(`{"": {"Admin": {"In": ["root:admin"]}}, "a/%%": {"Read": {"In": ["root:%%"], "NotIn": ["root:x"]}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		byName, err := decodePerms(strings.NewReader(text))
		if err != nil {
			return
		}
		tree := newTree(time.Now)
		if err := tree.loadPerms(byName); err != nil {
			return
		}
		if err := tree.mount(nil, caller{super: true}, elementsOf("a/b"), "/host:1", time.Minute, 0); err != nil {
			t.Errorf("a super user cannot mount: %v", err)
		}
	})
}

// FuzzJournal checks that no journal harms the tree, and that one that was replayed is written so that it means the
// same.
func FuzzJournal(f *testing.F) {
	f.Add(`{"Name":"a/b","Permissions":{"Read":{"In":["u"]}},"Version":3}` + "\n" + `{"Name":"a","Deleted":true}` + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		records, err := parseJournal([]byte(text))
		if err != nil {
			return
		}
		once := replayed(records)
		twice := replayed(once)
		first, err := json.Marshal(once)
		if err != nil {
			t.Fatal(err)
		}
		second, err := json.Marshal(twice)
		if err != nil || string(first) != string(second) {
			t.Errorf("%s becomes %s, %v", first, second, err)
		}
	})
}

// replayed returns the records of a tree to which the records were applied.
func replayed(records []record) []record {
	tree := newTree(time.Now)
	tree.mu.Lock()
	defer tree.mu.Unlock()
	for _, r := range records {
		tree.replay(r)
	}
	return tree.snapshot()
}
