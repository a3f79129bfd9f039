package security_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"v.io/v23/security"
	"v.io/v23/vom"
)

// readVectors returns the lines of testdata/vectors.txt by name.
func readVectors(tb testing.TB) map[string]string {
	tb.Helper()
	content, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		tb.Fatal(err)
	}
	vectors := make(map[string]string)
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), ": "); ok && !strings.HasPrefix(name, "#") {
			vectors[name] = value
		}
	}
	if err := lines.Err(); err != nil {
		tb.Fatal(err)
	}
	return vectors
}

func vectorBytes(tb testing.TB, name string) []byte {
	tb.Helper()
	decoded, err := hex.DecodeString(readVectors(tb)[name])
	if err != nil || len(decoded) == 0 {
		tb.Fatalf("vector %q: %d bytes, %v", name, len(decoded), err)
	}
	return decoded
}

func vectorBlessings(tb testing.TB, name string) security.Blessings {
	tb.Helper()
	var blessings security.Blessings
	if err := vom.Decode(vectorBytes(tb, name), &blessings); err != nil {
		tb.Fatalf("vector %q does not verify: %v", name, err)
	}
	return blessings
}

func TestVectorsOfBlessings(t *testing.T) {
	vectors := readVectors(t)
	for _, test := range []struct{ vector, name string }{
		{"root", "root"},
		{"member", "root:raft:member1"},
		{"tool", "root:raft:member1:tool"},
	} {
		t.Run(test.vector, func(t *testing.T) {
			blessings := vectorBlessings(t, test.vector+"-blessings")
			if got := blessings.String(); got != test.name {
				t.Errorf("name is %q, want %q", got, test.name)
			}
			if got := hex.EncodeToString(blessings.UniqueID()); got != vectors[test.vector+"-unique-id"] {
				t.Errorf("UniqueID is %s, want %s", got, vectors[test.vector+"-unique-id"])
			}
			encoded, err := vom.Encode(blessings)
			if err != nil {
				t.Fatal(err)
			}
			if want := vectorBytes(t, test.vector+"-blessings"); !bytes.Equal(encoded, want) {
				t.Errorf("encoded again as\n%x\nwant\n%x", encoded, want)
			}
		})
	}
}

func TestVectorsAreRecognizedOnceTheRootIs(t *testing.T) {
	tool := vectorBlessings(t, "tool-blessings")
	verifier := newPrincipal(t)
	call := &security.CallParams{
		LocalPrincipal: verifier, RemoteBlessings: tool, Timestamp: timeOf(2030),
		Method: "Append",
	}
	names, rejected := security.RemoteBlessingNames(nil, security.NewCall(call))
	if len(names) != 0 || len(rejected) != 1 {
		t.Fatalf("before the root is recognised: names %v, rejected %v", names, rejected)
	}
	if err := security.AddToRoots(verifier, tool); err != nil {
		t.Fatal(err)
	}
	names, rejected = security.RemoteBlessingNames(nil, security.NewCall(call))
	if want := []string{"root:raft:member1:tool"}; !slices.Equal(names, want) || len(rejected) != 0 {
		t.Fatalf("names %v, rejected %v, want %v", names, rejected, want)
	}
	call.Timestamp = timeOf(2041)
	if names, _ = security.RemoteBlessingNames(nil, security.NewCall(call)); len(names) != 0 {
		t.Errorf("after expiry: names %v", names)
	}
}

func timeOf(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }

func TestVectorsOfCaveats(t *testing.T) {
	expiry, err := security.NewExpiryCaveat(time.Date(2040, 1, 2, 3, 4, 5, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	method, err := security.NewMethodCaveat("Append", "Status")
	if err != nil {
		t.Fatal(err)
	}
	for name, caveat := range map[string]security.Caveat{"expiry-caveat": expiry, "method-caveat": method} {
		encoded, err := vom.Encode(caveat)
		if err != nil {
			t.Fatal(err)
		}
		if want := vectorBytes(t, name); !bytes.Equal(encoded, want) {
			t.Errorf("%s: encoded as\n%x\nwant\n%x", name, encoded, want)
		}
	}
}

func TestVectorsOfKeys(t *testing.T) {
	key, err := security.UnmarshalPublicKey(vectorBytes(t, "root-key"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := key.String(), readVectors(t)["root-fingerprint"]; got != want {
		t.Errorf("fingerprint %s, want %s", got, want)
	}
}

func TestVectorsOfSignatures(t *testing.T) {
	for _, signer := range []string{"root", "tool"} {
		t.Run(signer, func(t *testing.T) {
			key := vectorBlessings(t, signer+"-blessings").PublicKey()
			var signature security.Signature
			if err := vom.Decode(vectorBytes(t, signer+"-signature"), &signature); err != nil {
				t.Fatal(err)
			}
			if string(signature.Purpose) != "S1" {
				t.Errorf("purpose %q", signature.Purpose)
			}
			if !signature.Verify(key, []byte("message")) {
				t.Error("the signature does not verify")
			}
			if signature.Verify(key, []byte("another message")) {
				t.Error("the signature verifies for another message")
			}
		})
	}
}
