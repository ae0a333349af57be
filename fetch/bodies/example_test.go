package bodies_test

import (
	"fmt"
	"os"

	"github.com/penstock-go/penstock/fetch/bodies"
)

func Example() {
	dir, err := os.MkdirTemp("", "bodies")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	s, err := bodies.Open(dir, bodies.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ref, err := s.Put([]byte("abc"))
	fmt.Println(ref, err)
	fmt.Println(s.Sync()) // before anybody is told that the body is safe
	// Output:
	// ba/7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad <nil>
	// <nil>
}
