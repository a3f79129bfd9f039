package ref_test

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"v.io/x/ref"
)

func TestEnvNamespaceRoots(t *testing.T) {
	t.Setenv("V23_NAMESPACE_B", "/b:1")
	t.Setenv("V23_NAMESPACE_A", " /a:1 ")
	t.Setenv("V23_NAMESPACE_C", "  ")
	byName, roots := ref.EnvNamespaceRoots()
	if !slices.Equal(roots, []string{"/a:1", "/b:1"}) || byName["V23_NAMESPACE_A"] != "/a:1" || len(byName) != 2 {
		t.Errorf("roots %v, %v", roots, byName)
	}
}

func ExampleGetenv() {
	if err := os.Setenv(ref.EnvCredentials, " /var/credentials "); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ref.Getenv(ref.EnvCredentials))
	// Output: /var/credentials
}
