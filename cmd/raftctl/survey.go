package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"v.io/x/ref/lib/raft/cmd/internal/command"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage"
	"v.io/x/ref/lib/raft/storage/damage"
)

// survivor is what is found in the directory of a member that was stopped. Nothing of it is changed: it is
// read through an overlay, under the directory's lock.
type survivor struct {
	path    string
	overlay *vfs.Overlay
	dir     *storage.Dir
	facts
}

// facts are what a plan is made of.
type facts struct {
	identity  storage.Identity
	recovered entry.Recovered
	// last is the last entry of log or image.
	last entry.Position
	// image is the newest one, nil for none.
	image *entry.SnapshotMeta
	// inForce is the newest configuration, at index since.
	inForce entry.Configuration
	since   entry.Index
	// unfit says why the directory's state cannot be gone on from, "" when it can.
	unfit string
	// voteless is set when the newest term and vote cannot be read: the member cannot vote as what it was.
	voteless bool
	// aside is what an earlier incarnation of the member has left in the directory.
	aside []storage.Aside
}

// surveyAll opens the directories, one after the other.
func surveyAll(ctx context.Context, std command.Streams, paths []string) (all []*survivor, err error) {
	for _, path := range paths {
		s, err := survey(ctx, std, path)
		if err != nil {
			return nil, errors.Join(err, closeAll(all))
		}
		all = append(all, s)
	}
	return all, nil
}

func closeAll(all []*survivor) (err error) {
	for _, s := range all {
		err = errors.Join(err, s.dir.Close(), s.overlay.Close())
	}
	return err
}

// survey opens one directory: a member's log directory, or the one that raftd member is given, which has it
// inside.
func survey(ctx context.Context, std command.Streams, path string) (_ *survivor, err error) {
	if _, err := os.Stat(filepath.Join(path, "identity")); errors.Is(err, fs.ErrNotExist) {
		path = filepath.Join(path, "log")
	}
	if _, err := os.Stat(filepath.Join(path, "identity")); err != nil {
		return nil, fmt.Errorf("%s is not a member's directory: %w", filepath.Dir(path), err)
	}
	s := &survivor{path: path, overlay: vfs.NewOverlay(vfs.OS())}
	if s.dir, err = storage.Open(s.overlay, path, storage.Options{Incarnation: 1, Salvage: true}); err != nil {
		return nil, errors.Join(err, s.overlay.Close())
	}
	if err := s.read(ctx, std); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), closeAll([]*survivor{s}))
	}
	return s, nil
}

// read gathers the facts.
func (s *survivor) read(ctx context.Context, std command.Streams) (err error) {
	s.identity = s.dir.Identity()
	if s.aside, err = storage.ListAside(s.overlay, s.path); err != nil {
		return err
	}
	s.recovered, err = s.dir.Log().Recover()
	if errors.Is(err, damage.ErrVoteLost) {
		s.voteless, s.unfit = true, fmt.Sprintf("the end of its log cannot be read: %v", err)
		return nil
	}
	if err != nil {
		return err
	}
	s.voteless = s.dir.Log().Voteless()
	rec := &s.recovered
	s.last = lastOf(rec)
	images, err := s.dir.Snapshots().List()
	if err != nil {
		return err
	}
	if len(images) > 0 {
		s.image = &images[0]
		s.inForce, s.since = s.image.Configuration, s.image.Index
		if s.image.Index > s.last.Index {
			s.last = s.image.Position()
		}
	}
	for _, at := range rec.Configurations {
		if at > s.since {
			block, err := s.dir.Log().Read(at, at, entry.BlockMax)
			if err != nil {
				return err
			}
			if s.inForce, err = entry.DecodeConfiguration(block.Payload(at)); err != nil {
				return err
			}
			s.since = at
		}
	}
	s.unfit = s.judge(ctx, std)
	return ctx.Err() // who interrupts the reading has not found the directory unfit
}

// lastOf returns the log's last entry.
func lastOf(rec *entry.Recovered) entry.Position {
	if n := len(rec.Terms); n > 0 {
		return entry.Position{Index: rec.Last, Term: rec.Terms[n-1].Term}
	}
	return rec.Base
}

// termAt returns the term of an entry of the log, 0 when it is not there.
func termAt(rec *entry.Recovered, i entry.Index) (term entry.Term) {
	if i == rec.Base.Index {
		return rec.Base.Term
	}
	for _, run := range rec.Terms {
		if run.First <= i && i <= rec.Last {
			term = run.Term
		}
	}
	return term
}

// judge says why the state cannot be gone on from, "" when it can. It reads all of log and image: what opening
// the log did not read may be damaged too.
func (s *survivor) judge(ctx context.Context, std command.Streams) string {
	rec := &s.recovered
	own, member := s.inForce.Find(s.identity.Member)
	switch {
	case s.last.Index == 0 && len(s.aside) > 0:
		return fmt.Sprintf("it began anew and holds nothing; what it had is in %s: name that in its place",
			s.aside[len(s.aside)-1].Path)
	case s.last.Index == 0:
		return "it holds nothing"
	case len(rec.Damaged) > 0:
		return fmt.Sprintf("entries from %d on are damaged", rec.Damaged[0].First)
	case rec.Held != (entry.Position{}):
		return fmt.Sprintf("the end of its log, up to entry %d perhaps, cannot be read", rec.Held.Index)
	case rec.Base.Index > 0 && (s.image == nil || s.image.Index < rec.Base.Index):
		return fmt.Sprintf("its log begins behind entry %d, and the image up to there is damaged or gone", rec.Base.Index)
	case !member:
		return "it was removed from the member set"
	case own.Incarnation != 0 && own.Incarnation != s.identity.Incarnation:
		return "another directory has taken its place in the member set"
	}
	if s.image != nil {
		if err := s.verifyImage(ctx, std); err != nil {
			return fmt.Sprintf("its image cannot be read: %v", err)
		}
	}
	if err := s.verifyLog(ctx, std); err != nil {
		return fmt.Sprintf("its log cannot be read: %v", err)
	}
	return ""
}

// verifyStep is how many bytes of a log are read between two looks at whether to go on.
const verifyStep = 4 << 20

// verifyLog reads the log. The error names the first entry that is damaged.
func (s *survivor) verifyLog(ctx context.Context, std command.Streams) error {
	p := std.NewProgress("verify the log of "+string(s.identity.Member), -1)
	defer p.End()
	next, steps := s.recovered.Base.Index+1, int64(0)
	for next != 0 && next <= s.recovered.Last {
		if err := ctx.Err(); err != nil {
			return err
		}
		after, damaged, err := s.dir.Log().Verify(next, verifyStep)
		if err != nil {
			return err
		}
		if len(damaged) > 0 {
			return fmt.Errorf("entries from %d on are damaged", damaged[0].First)
		}
		next, steps = after, steps+1
		p.At(steps * verifyStep)
	}
	return nil
}

func (s *survivor) verifyImage(ctx context.Context, std command.Streams) error {
	image, err := s.dir.Snapshots().Open(s.image.ID, 0)
	if err != nil {
		return err
	}
	p := std.NewProgress("verify the image of "+string(s.identity.Member), s.image.Size)
	defer p.End()
	_, err = io.Copy(p, command.Interruptible(ctx, image))
	return errors.Join(err, image.Close())
}

// founding is the state of the directory as the beginning of a new cluster.
func (s *survivor) founding(ctx context.Context) (f storage.Founding, done func() error, err error) {
	rec, done := &s.recovered, func() error { return nil }
	next := rec.Base.Index + 1
	if s.image != nil {
		image, err := s.dir.Snapshots().Open(s.image.ID, 0)
		if err != nil {
			return f, done, err
		}
		done = image.Close
		f.Image = &storage.FoundingImage{Meta: *s.image, Bytes: command.Interruptible(ctx, image)}
		next = s.image.Index + 1
		if termAt(rec, s.image.Index) != s.image.Term {
			next = rec.Last + 1 // The log is older than the image.
		}
	}
	f.Next = func() (*entry.Block, error) {
		if next > rec.Last || ctx.Err() != nil {
			return nil, ctx.Err()
		}
		block, err := s.dir.Log().Read(next, rec.Last, 1<<20)
		if err == nil {
			next = block.Last() + 1
		}
		return block, err
	}
	return f, done, nil
}
