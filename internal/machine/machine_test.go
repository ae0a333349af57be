package machine_test

import (
	"strings"
	"testing"

	"github.com/penstock-go/penstock/internal/machine"
)

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		name  string
		room  machine.Room
		limit int
		fits  int
		why   string
	}{
		{"nothing known", machine.Room{}, 5000, 5000, ""},
		{"enough of all", machine.Room{Files: 1024, Ports: 28000, Memory: 1 << 30}, 1000, 1000, ""},
		{"few files", machine.Room{Files: 64, Ports: 28000}, 1000, 40, "open files is 64"},
		{"few files, two each", machine.Room{Files: 64, FilesEach: 2}, 1000, 20, "open files is 64"},
		{"hardly any files", machine.Room{Files: 20}, 1000, 1, "open files"},
		{"few ports", machine.Room{Files: 1 << 20, Ports: 1000}, 5000, 900, "1000 ephemeral ports"},
		{"little memory", machine.Room{Files: 1 << 20, Memory: 20 << 20}, 5000, 102, "20 MB"},
		{"the least counts", machine.Room{Files: 524, Ports: 100, Memory: 1 << 30}, 5000, 90, "ports"},
	} {
		fits, why := tt.room.Fit(tt.limit)
		if fits != tt.fits || !strings.Contains(why, tt.why) || (why == "") != (tt.why == "") {
			t.Errorf("%s: %d because %q, want %d because of %q", tt.name, fits, why, tt.fits, tt.why)
		}
	}
}

func TestLook(t *testing.T) {
	r := machine.Look()
	t.Logf("%+v", r)
	if r.Files < 0 || r.Ports < 0 || r.Memory < 0 {
		t.Errorf("%+v", r)
	}
}
