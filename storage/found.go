package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
)

// ErrNotEmpty is wrapped by the error of Found when the directory is not empty.
var ErrNotEmpty = errors.New("storage: the directory is not empty")

// Founding is what a new cluster of one member begins with: the state of another cluster, up to some entry.
type Founding struct {
	// Member is the only member, Cluster the new cluster's id, and Incarnation the new directory's. Cluster and
	// Incarnation must be random and not 0: with them nobody of the former cluster is heard.
	Member      entry.MemberID
	Cluster     entry.ClusterID
	Incarnation entry.Incarnation
	// Term is the newest term that the former cluster is known to have been in.
	Term entry.Term
	// Image is the state up to some entry, nil when the log begins with entry 1.
	Image *FoundingImage
	// Next returns the entries behind the image, block by block, and nil at the end; it may be nil.
	Next func() (*entry.Block, error)
	// Progress is told how many bytes of image and entries have been written; it may be nil.
	Progress func(done int64)
	// done counts them.
	done int64
}

// FoundingImage is an image and its bytes. Meta's size and checksum are verified when the size is not
// negative.
type FoundingImage struct {
	Meta  entry.SnapshotMeta
	Bytes io.Reader
}

// Found makes the directory at path, which must be empty or not there, that of a new cluster's only member.
// The member set of image and entries is replaced by that member throughout, so whoever joins never hears of
// the former cluster. The directory is built beside its place (path + ".founding", whose remains of an earlier
// attempt are removed) and appears complete and synced, or not at all.
func Found(fsys vfs.FS, path string, f Founding) error {
	if f.Member == "" || f.Cluster.IsZero() || f.Incarnation == 0 || f.Term == 0 {
		return errors.New("storage: a founding needs a member, a cluster id, an incarnation and a term")
	}
	if err := checkEmpty(fsys, path); err != nil {
		return err
	}
	parent, aside := filepath.Dir(path), path+".founding"
	if err := fsys.MkdirAll(parent); err != nil {
		return fmt.Errorf("storage: create directory %s: %w", parent, err)
	}
	if err := clearDir(fsys, aside); err != nil {
		return err
	}
	if err := f.build(fsys, aside); err != nil {
		return errors.Join(err, clearDir(fsys, aside))
	}
	if err := fsys.Rename(aside, path); err != nil {
		return fmt.Errorf("storage: name the new directory: %w", err)
	}
	return fsys.SyncDir(parent)
}

// checkEmpty refuses a directory that holds anything.
func checkEmpty(fsys vfs.FS, path string) error {
	infos, err := fsys.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("storage: list %s: %w", path, err)
	case len(infos) > 0:
		return fmt.Errorf("%w: %s holds %d files, %q for one; nothing was changed: name an empty or a new one",
			ErrNotEmpty, path, len(infos), infos[0].Name)
	}
	return nil
}

// clearDir removes a directory of files that an interrupted founding left.
func clearDir(fsys vfs.FS, path string) error {
	infos, err := fsys.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, info := range infos {
		err = errors.Join(err, fsys.Remove(filepath.Join(path, info.Name)))
	}
	if err := errors.Join(err, fsys.Remove(path)); err != nil {
		return fmt.Errorf("storage: remove what an interrupted founding left in %s: %w", path, err)
	}
	return nil
}

// build makes the directory.
func (f *Founding) build(fsys vfs.FS, path string) (err error) {
	d, err := Open(fsys, path, Options{Member: f.Member, Incarnation: f.Incarnation})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.SetCluster(f.Cluster); err != nil {
		return err
	}
	if _, err := d.log.Recover(); err != nil {
		return err
	}
	batch := &entry.Batch{Seq: 1, Hard: &entry.HardState{Term: f.Term}}
	if f.Image != nil {
		if err := f.copyImage(d); err != nil {
			return err
		}
		at := f.Image.Meta.Position()
		batch.Reset = &at
	}
	if err := d.log.Store(batch); err != nil {
		return err
	}
	return f.copyEntries(d)
}

// configuration is the new cluster's, with what the former one had agreed on.
func (f *Founding) configuration(former entry.Configuration) entry.Configuration {
	return entry.Configuration{Cluster: f.Cluster, Level: former.Level, Lease: former.Lease,
		Members: []entry.Member{{ID: f.Member, Incarnation: f.Incarnation}}}
}

// copyImage writes the image under the new configuration.
func (f *Founding) copyImage(d *Dir) error {
	meta := f.Image.Meta
	size, checksum := meta.Size, meta.Checksum
	meta.ID, meta.Configuration = "", f.configuration(meta.Configuration)
	sink, err := d.snapshots.Create(meta)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.MultiWriter(sink, counted{f}), f.Image.Bytes); err != nil {
		return errors.Join(err, sink.Abort())
	}
	written, err := sink.Commit()
	if err != nil {
		return errors.Join(err, sink.Abort())
	}
	if size >= 0 && (written.Size != size || written.Checksum != checksum) {
		return fmt.Errorf("storage: the image has %d bytes with checksum %08x, want %d with %08x",
			written.Size, written.Checksum, size, checksum)
	}
	return nil
}

// count tells how much was written.
func (f *Founding) count(n int) {
	f.done += int64(n)
	if f.Progress != nil {
		f.Progress(f.done)
	}
}

// counted counts what is written to it.
type counted struct{ *Founding }

// Write implements io.Writer.
func (c counted) Write(p []byte) (int, error) {
	c.count(len(p))
	return len(p), nil
}

// copyEntries stores the entries behind the image.
func (f *Founding) copyEntries(d *Dir) error {
	if f.Next == nil {
		return nil
	}
	for seq := uint64(2); ; seq++ {
		block, err := f.Next()
		if err != nil || block == nil {
			return err
		}
		size := block.Size()
		if block, err = f.renamed(block); err != nil {
			return err
		}
		if err := d.log.Store(&entry.Batch{Seq: seq, Blocks: []*entry.Block{block}}); err != nil {
			return err
		}
		f.count(size)
	}
}

// renamed returns the block with the new configuration in place of each former one.
func (f *Founding) renamed(block *entry.Block) (*entry.Block, error) {
	var b entry.Builder
	changed := false
	for i := block.First(); i <= block.Last(); i++ {
		h, payload := block.Header(i), block.Payload(i)
		if h.Kind == entry.KindConfiguration {
			former, err := entry.DecodeConfiguration(payload)
			if err != nil {
				return nil, fmt.Errorf("storage: the configuration at index %d: %w", i, err)
			}
			payload, changed = entry.AppendConfiguration(nil, f.configuration(former)), true
			h.Size, h.PayloadSum = uint32(len(payload)), entry.Checksum(payload)
		}
		b.Add(h, payload)
	}
	if !changed {
		return block, nil
	}
	return b.Block(), nil
}
