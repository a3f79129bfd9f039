package rpc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"v.io/v23/context"
)

// benchSize is the size of the messages that the benchmarks echo, in bytes.
const benchSize = 128

// BenchmarkEcho compares an echo of 128 bytes as a call and on an open stream with the
// same echo on the layers below, in one run:
//
//	go test -run '^$' -bench Echo ./x/ref/runtime/internal/rpc
func BenchmarkEcho(b *testing.B) {
	b.Run("tcp", func(b *testing.B) { benchRaw(b, nil) })
	b.Run("tls", func(b *testing.B) { benchRaw(b, benchTLS(b)) })
	b.Run("stream", benchStream)
	b.Run("unary", benchUnary)
	b.Run("unary-parallel", benchParallel)
}

func benchTLS(b *testing.B) *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		b.Fatal(err)
	}
	return &tls.Config{
		Certificates:       []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		InsecureSkipVerify: true, MinVersion: tls.VersionTLS13,
	}
}

// benchRaw echoes on a bare connection, with TLS if there is a configuration.
func benchRaw(b *testing.B, cfg *tls.Config) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		c, err := ln.Accept()
		if err == nil {
			if cfg != nil {
				c = tls.Server(c, cfg)
			}
			err = echoRaw(c)
		}
		done <- err
	}()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	if cfg != nil {
		c = tls.Client(c, cfg)
	}
	buf := make([]byte, benchSize)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		b.Error(err)
	}
	<-done
	if err := ln.Close(); err != nil {
		b.Error(err)
	}
}

func echoRaw(c net.Conn) error {
	buf := make([]byte, benchSize)
	for {
		if _, err := io.ReadFull(c, buf); err != nil {
			return c.Close()
		}
		if _, err := c.Write(buf); err != nil {
			return err
		}
	}
}

func benchStream(b *testing.B) {
	w := newWorld(b)
	_, name := w.serve(newEverything(), everyone())
	c, err := start(w.client, name, "EchoBytes", nil)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, benchSize)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Send(buf); err != nil {
			b.Fatal(err)
		}
		if err := c.Recv(&buf); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Finish(); err != nil {
		b.Error(err)
	}
}

func benchUnary(b *testing.B) {
	w := newWorld(b)
	_, name := w.serve(newEverything(), everyone())
	text, got := string(make([]byte, benchSize)), ""
	b.ReportAllocs()
	for b.Loop() {
		if err := call(w.client, name, "Echo", []any{text}, []any{&got}); err != nil {
			b.Fatal(err)
		}
	}
}

func benchParallel(b *testing.B) {
	w := newWorld(b)
	_, name := w.serve(newEverything(), everyone())
	text := string(make([]byte, benchSize))
	b.SetParallelism(128)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var got string
		for pb.Next() {
			if err := call(w.client, name, "Echo", []any{text}, []any{&got}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkBulk streams frames of 256 KiB one way, as bytes and within a struct.
func BenchmarkBulk(b *testing.B) {
	for _, inStruct := range []bool{false, true} {
		name := map[bool]string{false: "bytes", true: "struct"}[inStruct]
		b.Run(name, func(b *testing.B) {
			w := newWorld(b)
			_, server := w.serve(newEverything(), everyone())
			c, err := start(w.client, server, "Swallow", []any{inStruct})
			if err != nil {
				b.Fatal(err)
			}
			payload := make([]byte, 256<<10)
			var item any = payload
			if inStruct {
				item = packet{Frames: [][]byte{payload[:128<<10], payload[128<<10:]}}
			}
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Send(item); err != nil {
					b.Fatal(err)
				}
			}
			var n int64
			if err := c.Finish(&n); err != nil {
				b.Error(err)
			}
		})
	}
}

// packet is an item that carries bytes in a struct.
type packet struct{ Frames [][]byte }

// Swallow counts the items.
func (*everything) Swallow(_ *context.T, call *intStream, inStruct bool) (n int64, err error) {
	for err == nil {
		var p packet
		var b []byte
		if inStruct {
			err = call.Recv(&p)
		} else {
			err = call.Recv(&b)
		}
		n++
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}
