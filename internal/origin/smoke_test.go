package origin_test

import (
	"io"
	"net/http"
	"testing"
	"encoding/json"

	"github.com/penstock-go/penstock/internal/origin"
)

func TestSmoke(t *testing.T) {
	s, err := origin.Start(origin.Options{Hosts: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/item/3", "/delay/10/a", "/status/404", "/redirect/3", "/reset", "/big/100000", "/gzip/1000", "/retry-after/0/1/x", "/retry-after/0/1/x", "/drip/100/50", "/chunked/3", "/close", "/truncate/100", "/redirect-host/2", "/cookie/set/a/b", "/204", "/304","/status/103"} {
		resp, err := http.Get(s.URLs()[1] + p)
		if err != nil {
			t.Log(p, err)
			continue
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		t.Log(p, resp.Status, len(b), err)
	}
	b, _ := json.MarshalIndent(s.Audit(), "", " ")
	t.Log(string(b))
	t.Log(s.URLs(), s.Close())
}
