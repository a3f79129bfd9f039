package vfs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/internal/vfs"
)

// TestExplorationCounts: states are counted by what was under way.
func TestExplorationCounts(t *testing.T) {
	e := replaceWork("")
	calls := 0
	e.Operations = func() []string {
		calls++
		return [][]string{{"begin"}, {"write", "both"}, {"sync", "both"}}[min(calls, 3)-1]
	}
	found, err := e.Run()
	if err != nil {
		t.Fatal(err)
	}
	in := found.Operations
	if in["begin"].Points != 1 || in["write"].Points != 1 || in["sync"].Points != 4 || in["both"].Points != 5 ||
		in["begin"].States+in["both"].States != found.States || in["both"].States != in["write"].States+in["sync"].States {
		t.Errorf("explored %v", found)
	}
	var twice vfs.Explored
	twice.Add(found)
	twice.Add(found)
	if twice.States != 2*found.States || twice.Operations["sync"].Points != 8 || twice.Units != found.Units {
		t.Errorf("two of them are %v", twice)
	}
}

// replaceWork replaces a file of two sectors by another one, leaving out what omit names.
func replaceWork(omit vfs.OpKind) vfs.Exploration {
	text := func(c string) string { return strings.Repeat(c, 2*vfs.SectorSize) }
	return vfs.Exploration{
		Seeds: 64,
		Disk: func() (*vfs.Memory, error) {
			disk := vfs.NewMemory()
			return disk, vfs.ReplaceFile(disk, "f", []byte(text("a")))
		},
		Work: func(fsys vfs.FS) (func(*vfs.Memory) error, error) {
			acknowledged := ""
			err := func() error {
				f, err := fsys.Create("f.tmp")
				if err != nil {
					return err
				}
				if _, err := f.WriteAt([]byte(text("b")), 0); err != nil {
					return errors.Join(err, f.Close())
				}
				if omit != vfs.OpSync {
					err = f.Sync()
				}
				if err := errors.Join(err, f.Close()); err != nil {
					return err
				}
				if err := fsys.Rename("f.tmp", "f"); err != nil {
					return err
				}
				if omit != vfs.OpSyncDir {
					if err := fsys.SyncDir("."); err != nil {
						return err
					}
				}
				acknowledged = text("b")
				return nil
			}()
			if errors.Is(err, vfs.ErrPower) {
				err = nil
			}
			return func(after *vfs.Memory) error {
				got, err := vfs.ReadFile(after, "f", 1<<20)
				if err != nil {
					return err
				}
				if s := string(got); s != text("a") && s != text("b") || acknowledged != "" && s != acknowledged {
					return fmt.Errorf("the file has %d other bytes", len(s))
				}
				return nil
			}, err
		},
	}
}

// TestExploration: a file that is replaced in the right order survives every outcome of every crash, and
// leaving out either sync is found.
func TestExploration(t *testing.T) {
	found, err := replaceWork("").Run()
	if err != nil {
		t.Fatal(err)
	}
	// Create, write, sync, rename, sync of the directory, and the end.
	if found.Points != 6 || found.Exhausted != 6 || found.States < 6*10 || found.Units < 4 {
		t.Errorf("explored %v", found)
	}
	for _, omit := range []vfs.OpKind{vfs.OpSync, vfs.OpSyncDir} {
		if _, err := replaceWork(omit).Run(); err == nil || !strings.Contains(err.Error(), "power failed before change") {
			t.Errorf("without %s: %v", omit, err)
		}
	}
}

// TestExplorationReports: a failure that is not the power's ends the exploration, and so do bounds that
// cannot be meant.
func TestExplorationReports(t *testing.T) {
	planted := errors.New("planted")
	e := replaceWork("")
	e.Work = func(vfs.FS) (func(*vfs.Memory) error, error) { return nil, planted }
	if _, err := e.Run(); !errors.Is(err, planted) {
		t.Error(err)
	}
	e = replaceWork("")
	e.Disk = func() (*vfs.Memory, error) { return nil, planted }
	if _, err := e.Run(); !errors.Is(err, planted) {
		t.Error(err)
	}
	for _, e := range []vfs.Exploration{{Exhaustive: 21}, {Seeds: -1}} {
		if _, err := e.Run(); err == nil {
			t.Errorf("%+v is explored", e)
		}
	}
}
