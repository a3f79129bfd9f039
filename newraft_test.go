package raft

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/storage"
)

// snapshotOfDir returns the names and contents of all files in a directory.
func snapshotOfDir(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() == "LOCK" {
			continue // Its content means nothing.
		}
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name()] = string(b)
	}
	return out
}

func TestNewRaftRefusesADirectoryThatIsNotOurs(t *testing.T) {
	for name, prepare := range map[string]func(dir string) error{
		"a foreign file": func(dir string) error {
			return errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("mine"), 0o600))
		},
		"a damaged identity": func(dir string) error {
			return errors.Join(os.MkdirAll(dir, 0o700),
				os.WriteFile(filepath.Join(dir, "identity"), []byte("raft-directory 1 crc32c=00000000\n{}\n"), 0o600))
		},
		"a later format": func(dir string) error {
			return errors.Join(os.MkdirAll(dir, 0o700),
				os.WriteFile(filepath.Join(dir, "identity"), []byte("raft-directory 9999 crc32c=00000000\n{}\n"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 0, nil)
			config := c.config(0)
			if err := prepare(config.LogDir); err != nil {
				t.Fatal(err)
			}
			before := snapshotOfDir(t, config.LogDir)
			_, err := NewRaft(c.principal("member:0"), &config, &journal{})
			if !errors.Is(err, ErrBadConfig) || !strings.Contains(err.Error(), config.LogDir) {
				t.Errorf("got %v, want ErrBadConfig that names %s", err, config.LogDir)
			}
			after := snapshotOfDir(t, config.LogDir)
			if len(after) != len(before) {
				t.Errorf("files before %d, after %d", len(before), len(after))
			}
			for f := range before {
				if after[f] != before[f] {
					t.Errorf("file %s was changed", f)
				}
			}
		})
	}
}

func TestNewRaftUnderARegularFile(t *testing.T) {
	c := newCluster(t, 0, nil)
	config := c.config(0)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	config.LogDir = filepath.Join(file, "below")
	_, err := NewRaft(c.ctx, &config, &journal{})
	if !errors.Is(err, ErrBadConfig) || !strings.Contains(err.Error(), config.LogDir) {
		t.Errorf("got %v, want ErrBadConfig that names %s", err, config.LogDir)
	}
}

func TestASecondMemberOnTheSameDirectoryIsKeptOut(t *testing.T) {
	c := startCluster(t, 1, nil)
	config := c.members[0].config
	if _, err := NewRaft(c.members[0].ctx, &config, &journal{}); !errors.Is(err, storage.ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
	c.append(0, "the first goes on")
}

func TestNewRaftReportsAnAddressInUse(t *testing.T) {
	c := startCluster(t, 1, nil)
	config := c.config(1)
	config.HostPort = c.members[0].ID()
	_, err := NewRaft(c.ctx, &config, &journal{})
	if !errors.Is(err, ErrBadConfig) || !strings.Contains(err.Error(), config.HostPort) {
		t.Errorf("got %v, want ErrBadConfig that names %s", err, config.HostPort)
	}
	config.HostPort = "127.0.0.1:0"
	r, err := NewRaft(c.ctx, &config, &journal{}) // The failure left the directory free.
	if err != nil {
		t.Fatal(err)
	}
	r.Stop()
}

func TestNewRaftNeedsAClientAndAConfig(t *testing.T) {
	c := newCluster(t, 0, nil)
	config := c.config(0)
	if _, err := NewRaft(c.ctx, &config, nil); !errors.Is(err, ErrBadConfig) {
		t.Errorf("without a client: %v", err)
	}
	if _, err := NewRaft(c.ctx, nil, &journal{}); !errors.Is(err, ErrBadConfig) {
		t.Errorf("without a config: %v", err)
	}
}

func TestIDIsRecordedAndKept(t *testing.T) {
	c := startCluster(t, 1, nil)
	id := c.members[0].ID()
	c.append(0, "x")
	c.stop(0)
	c.restart(0)
	if got := c.members[0].ID(); got != id {
		t.Errorf("after a restart with port 0 the id is %q, was %q", got, id)
	}
	c.append(0, "y")
	c.stop(0)
	config := c.members[0].config
	config.ID = "another"
	if _, err := NewRaft(c.ctx, &config, &journal{}); !errors.Is(err, ErrBadConfig) || !strings.Contains(err.Error(), id) {
		t.Errorf("another id on the directory: got %v, want ErrBadConfig that names %q", err, id)
	}
}

func TestRecordedSetWinsOverAddMember(t *testing.T) {
	c := startCluster(t, 1, nil)
	c.append(0, "x")
	c.stop(0)
	c.create(c.members[0])
	if err := c.members[0].AddMember(c.ctx, "127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	c.members[0].Start()
	c.append(0, "y") // With the added member in force there would be no quorum.
	if got := c.members[0].Stats().Members; len(got) != 1 {
		t.Errorf("members are %v", got)
	}
}

func TestAddMemberOfAJoiningMember(t *testing.T) {
	c := newCluster(t, 1, func(_ int, config *RaftConfig) { config.Join = true })
	if err := c.members[0].AddMember(c.ctx, "127.0.0.1:1"); !errors.Is(err, ErrBadConfig) {
		t.Errorf("got %v, want ErrBadConfig", err)
	}
	c.members[0].Start()
	eventually(t, "it waits as a follower", func() bool {
		_, role, leader := c.members[0].Status()
		return role == RoleFollower && leader == ""
	})
}

func TestAddMemberRefusals(t *testing.T) {
	c := newCluster(t, 1, nil)
	if err := c.members[0].AddMember(c.ctx, "/"); !errors.Is(err, ErrBadConfig) {
		t.Errorf("an empty id: %v", err)
	}
}
