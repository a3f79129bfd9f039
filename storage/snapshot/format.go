package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"v.io/x/ref/lib/raft/entry"
)

const (
	headMagic    = "raftsnp\x01"
	trailerMagic = "raftend\x01"
	version      = 1
	headFixed    = 32
	chunkHead    = 16
	trailerSize  = 24
	metaFixed    = 40
)

// Limits in bytes. A reader refuses more before it allocates.
const (
	// ChunkSize is the size of a new image's chunks.
	ChunkSize = 512 << 10
	// ChunkSizeMax is the largest chunk that is read.
	ChunkSizeMax = 4 << 20
	// IDMax bounds the ID of an image.
	IDMax = 4096
	// SessionsMax bounds the table of sessions in an image's description.
	SessionsMax = 64 << 20
	metaMax     = SessionsMax + 2<<20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// head is what the chunks of an image depend on.
type head struct {
	meta      entry.SnapshotMeta
	store     entry.Incarnation
	chunkSize int
	sum       uint32
	size      int64 // bytes of the encoded head: where chunk 0 starts
}

// checkMeta reports why a description, which may come from another member, cannot be stored.
func checkMeta(m entry.SnapshotMeta) error {
	switch {
	case m.Index == 0 || m.Index > entry.NumberMax || m.Term == 0 || m.Term > entry.NumberMax:
		return fmt.Errorf("snapshot: position (index %d, term %d), want 1 to %d",
			m.Index, m.Term, uint64(entry.NumberMax))
	case len(m.ID) > IDMax:
		return fmt.Errorf("snapshot: id of %d bytes, at most %d", len(m.ID), IDMax)
	case len(m.Sessions) > SessionsMax:
		return fmt.Errorf("snapshot: sessions of %d bytes, at most %d", len(m.Sessions), SessionsMax)
	case m.Size < -1 || m.Size > math.MaxInt64/2:
		return fmt.Errorf("snapshot: image of %d bytes", m.Size)
	}
	if err := m.Configuration.Validate(); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	return nil
}

// appendMeta appends a description that checkMeta accepts.
func appendMeta(b []byte, m entry.SnapshotMeta) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Index))
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Term))
	b = binary.LittleEndian.AppendUint32(b, m.Checksum)
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Size))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.ID)))
	b = append(b, m.ID...)
	configuration := entry.AppendConfiguration(nil, m.Configuration)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(configuration)))
	b = append(b, configuration...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.Sessions)))
	return append(b, m.Sessions...)
}

var errMeta = errors.New("the description does not decode")

// decodeMeta reads a description that fills b exactly.
func decodeMeta(b []byte) (entry.SnapshotMeta, error) {
	if len(b) < metaFixed {
		return entry.SnapshotMeta{}, errMeta
	}
	m := entry.SnapshotMeta{
		Index:    entry.Index(binary.LittleEndian.Uint64(b)),
		Term:     entry.Term(binary.LittleEndian.Uint64(b[8:])),
		Checksum: binary.LittleEndian.Uint32(b[16:]),
		Size:     int64(binary.LittleEndian.Uint64(b[20:])),
	}
	id, b, ok := cut(b[28:], true)
	configuration, b, ok := cut(b, ok)
	sessions, b, ok := cut(b, ok)
	if !ok || len(b) != 0 {
		return entry.SnapshotMeta{}, errMeta
	}
	m.ID = string(id)
	if len(sessions) > 0 {
		m.Sessions = append([]byte(nil), sessions...)
	}
	var err error
	if m.Configuration, err = entry.DecodeConfiguration(configuration); err != nil {
		return entry.SnapshotMeta{}, err
	}
	return m, checkMeta(m)
}

// cut takes a u32 size and as many bytes from b, unless something failed before.
func cut(b []byte, before bool) (field, rest []byte, ok bool) {
	if !before || len(b) < 4 {
		return nil, nil, false
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	if n > uint64(len(b)-4) {
		return nil, nil, false
	}
	return b[4 : 4+n], b[4+n:], true
}

// encodeHead returns the bytes before chunk 0 and fills in sum and size.
func (h *head) encodeHead() []byte {
	meta := appendMeta(nil, h.meta)
	b := make([]byte, 0, headFixed+len(meta))
	b = append(b, headMagic...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint32(b, uint32(h.chunkSize))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.store))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(meta)))
	h.sum = crc32.Update(crc32.Checksum(b, castagnoli), castagnoli, meta)
	b = binary.LittleEndian.AppendUint32(b, h.sum)
	b = append(b, meta...)
	h.size = int64(len(b))
	return b
}

// decodeFixed reads the bytes before the meta and returns the meta's size.
func decodeFixed(b []byte) (h head, metaSize int, err error) {
	if len(b) < headFixed || string(b[:8]) != headMagic {
		return head{}, 0, errors.New("it does not start like a snapshot")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != version {
		return head{}, 0, fmt.Errorf("%w: format version %d, this library reads %d", ErrForeign, v, version)
	}
	h.chunkSize = int(binary.LittleEndian.Uint32(b[12:]))
	h.store = entry.Incarnation(binary.LittleEndian.Uint64(b[16:]))
	n := binary.LittleEndian.Uint32(b[24:])
	h.sum = binary.LittleEndian.Uint32(b[28:])
	h.size = headFixed + int64(n)
	if n > metaMax || h.chunkSize < 1 || h.chunkSize > ChunkSizeMax {
		return head{}, 0, fmt.Errorf("description of %d bytes, chunks of %d", n, h.chunkSize)
	}
	return h, int(n), nil
}

// decodeHead reads the bytes before chunk 0, which fill b exactly.
func decodeHead(b []byte) (head, error) {
	h, n, err := decodeFixed(b)
	if err != nil {
		return head{}, err
	}
	if len(b) != headFixed+n {
		return head{}, errMeta
	}
	if got := crc32.Update(crc32.Checksum(b[:28], castagnoli), castagnoli, b[headFixed:]); got != h.sum {
		return head{}, fmt.Errorf("head checksum is %08x, computed %08x", h.sum, got)
	}
	h.meta, err = decodeMeta(b[headFixed:])
	return h, err
}

// chunkAt returns the offset in the file of chunk number n.
func (h *head) chunkAt(n int64) int64 { return h.size + n*int64(chunkHead+h.chunkSize) }

// chunkSum is the checksum of a chunk.
func (h *head) chunkSum(number int64, data []byte) uint32 {
	var salt [12]byte
	binary.LittleEndian.PutUint32(salt[:], h.sum)
	binary.LittleEndian.PutUint64(salt[4:], uint64(number))
	return crc32.Update(crc32.Checksum(salt[:], castagnoli), castagnoli, data)
}

// putChunkHead writes the head of a chunk before its data: b starts with chunkHead free bytes.
func (h *head) putChunkHead(b []byte, number int64) {
	data := b[chunkHead:]
	binary.LittleEndian.PutUint64(b, uint64(number))
	binary.LittleEndian.PutUint32(b[8:], uint32(len(data)))
	binary.LittleEndian.PutUint32(b[12:], h.chunkSum(number, data))
}

// checkChunk verifies a whole chunk.
func (h *head) checkChunk(b []byte, number int64) error {
	data := b[chunkHead:]
	n, size, sum := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])
	if n != uint64(number) || int(size) != len(data) {
		return fmt.Errorf("chunk %d of %d bytes where chunk %d of %d bytes belongs", n, size, number, len(data))
	}
	if got := h.chunkSum(number, data); got != sum {
		return fmt.Errorf("checksum of chunk %d is %08x, computed %08x", number, sum, got)
	}
	return nil
}

// encodeTrailer returns the last bytes of the file.
func (h *head) encodeTrailer(size int64, checksum uint32) []byte {
	b := make([]byte, 0, trailerSize)
	b = append(b, trailerMagic...)
	b = binary.LittleEndian.AppendUint64(b, uint64(size))
	b = binary.LittleEndian.AppendUint32(b, checksum)
	return binary.LittleEndian.AppendUint32(b, h.trailerSum(b))
}

func (h *head) trailerSum(b []byte) uint32 {
	var salt [4]byte
	binary.LittleEndian.PutUint32(salt[:], h.sum)
	return crc32.Update(crc32.Checksum(salt[:], castagnoli), castagnoli, b)
}

// decodeTrailer reads the trailer of a file of length bytes.
func (h *head) decodeTrailer(b []byte, length int64) (size int64, checksum uint32, err error) {
	if len(b) != trailerSize || string(b[:8]) != trailerMagic {
		return 0, 0, errors.New("it does not end like a snapshot")
	}
	if got, want := h.trailerSum(b[:20]), binary.LittleEndian.Uint32(b[20:]); got != want {
		return 0, 0, fmt.Errorf("trailer checksum is %08x, computed %08x", want, got)
	}
	size, checksum = int64(binary.LittleEndian.Uint64(b[8:])), binary.LittleEndian.Uint32(b[16:])
	if size < 0 || size > length || h.length(size) != length {
		return 0, 0, fmt.Errorf("an image of %d bytes does not make a file of %d", size, length)
	}
	return size, checksum, nil
}

// length returns the size of the file of an image of size bytes.
func (h *head) length(size int64) int64 {
	chunks := (size + int64(h.chunkSize) - 1) / int64(h.chunkSize)
	return h.size + size + chunks*chunkHead + trailerSize
}
