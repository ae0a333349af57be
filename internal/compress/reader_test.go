package compress_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/penstock-go/penstock/internal/compress"
)

// lines is text of n bytes or a few more that compresses by no more than half.
func lines(n int) []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "https://example.com/%x\n", rnd.Uint64())
	}
	return b.Bytes()
}

// gz and zst compress by way of the libraries, not of the Writer under test.
func gz(t testing.TB, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zst(t testing.TB, text []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	return w.EncodeAll(text, nil)
}

// skippable is a zstd frame that holds no text.
const skippable = "\x50\x2a\x4d\x18\x03\x00\x00\x00abc"

func read(r io.Reader) ([]byte, error) {
	z, err := compress.NewReader(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(z)
	return text, errors.Join(err, z.Close())
}

func TestReadsByContent(t *testing.T) {
	text := lines(300_000)
	a, b := text[:100_000], text[100_000:]
	tests := map[string]struct {
		packed []byte
		want   []byte
	}{
		"plain":                         {text, text},
		"empty":                         {nil, nil},
		"one byte":                      {[]byte("a"), []byte("a")},
		"a parenthesis begins zstd too": {[]byte("("), []byte("(")},
		"looks like bzip2 at first":     {[]byte("BZh9 is no magic\n"), []byte("BZh9 is no magic\n")},
		"gzip":                          {gz(t, text), text},
		"gzip of nothing":               {gz(t, nil), nil},
		"gzip of two members":           {append(gz(t, a), gz(t, b)...), text},
		"zstd":                          {zst(t, text), text},
		"zstd of two frames":            {append(zst(t, a), zst(t, b)...), text},
		"zstd after a skippable frame":  {append([]byte(skippable), zst(t, text)...), text},
		"zstd between skippable frames": {append(append(zst(t, a), skippable...), zst(t, b)...), text},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for how, wrap := range map[string]func(io.Reader) io.Reader{
				"whole": func(r io.Reader) io.Reader { return r },
				"bytes": iotest.OneByteReader,
				"EOF":   iotest.DataErrReader,
			} {
				got, err := read(wrap(bytes.NewReader(test.packed)))
				if err != nil || !bytes.Equal(got, test.want) {
					t.Errorf("%s: %d bytes and error %v, want %d bytes", how, len(got), err, len(test.want))
				}
			}
		})
	}
}

// A stream cut at any byte gives the start of the text, and says that it was
// cut unless the cut was between two frames.
func TestTruncatedAnywhere(t *testing.T) {
	text := lines(2000)
	a, b := text[:1000], text[1000:]
	for name, pack := range map[string]func(testing.TB, []byte) []byte{"gzip": gz, "zstd": zst} {
		first := pack(t, a)
		packed := append(bytes.Clone(first), pack(t, b)...)
		for n := range len(packed) {
			if n == 1 && name == "zstd" {
				continue // a parenthesis, which is text
			}
			got, err := read(bytes.NewReader(packed[:n]))
			if !bytes.HasPrefix(text, got) {
				t.Fatalf("%s cut at %d: text is not the start of what was written", name, n)
			}
			if n >= len(first) && len(got) < len(a) {
				t.Errorf("%s cut at %d: %d bytes, though the first frame, of %d, is whole", name, n, len(got), len(a))
			}
			if n == 0 || n == len(first) {
				if err != nil {
					t.Errorf("%s cut at %d, between frames: %v", name, n, err)
				}
				continue
			}
			bad, ok := errors.AsType[*compress.Error](err)
			if !ok || !errors.Is(err, io.ErrUnexpectedEOF) || bad.Format != name || bad.Offset > int64(n) {
				t.Errorf("%s cut at %d of %d: %v", name, n, len(packed), err)
			}
		}
	}
}

// Any one wrong byte is either found or does no harm to the text.
func TestCorruptAnywhere(t *testing.T) {
	text := lines(2000)
	for name, pack := range map[string]func(testing.TB, []byte) []byte{"gzip": gz, "zstd": zst} {
		packed := pack(t, text)
		found := 0
		for i := range packed {
			bad := bytes.Clone(packed)
			bad[i] ^= 0x55
			got, err := read(bytes.NewReader(bad))
			if err != nil {
				found++
			} else if i >= 4 && !bytes.Equal(got, text) {
				t.Errorf("%s with byte %d changed: other text and no error", name, i)
			}
		}
		if found < len(packed)*9/10 {
			t.Errorf("%s: found %d of %d wrong bytes", name, found, len(packed))
		}
	}
}

func TestErrorTexts(t *testing.T) {
	text := lines(100_000)
	bad := gz(t, text)
	bad[len(bad)-5] ^= 1 // checksum
	tests := map[string]struct {
		packed []byte
		want   string
		is     error
	}{
		"gzip cut":      {gz(t, text)[:1000], "truncated gzip data: it ends in the middle, after byte 1000", io.ErrUnexpectedEOF},
		"zstd cut":      {zst(t, text)[:1000], "truncated zstd data: it ends in the middle, after byte 1000", io.ErrUnexpectedEOF},
		"gzip checksum": {bad, "corrupt gzip data at byte " + itoa(len(bad)) + ": gzip: invalid checksum", gzip.ErrChecksum},
		"text behind":   {append(gz(t, nil), "https://example.com"...), "corrupt gzip data at byte " + itoa(len(gz(t, nil))+10) + ": gzip: invalid header", gzip.ErrHeader},
		"zstd, --long":  {[]byte("\x28\xb5\x2f\xfd\x00\x90\x00\x00\x00\x00\x00"), "zstd data at byte 6 takes more than 128 MiB of memory: compress it without --long", zstd.ErrWindowSizeExceeded},
		"xz":            {[]byte("\xfd7zXZ\x00 and so on"), "xz is not read: unpack it first, with xz -d", compress.ErrFormat},
		"bzip2":         {[]byte("BZh91AY&SY and so on"), "bzip2 is not read: unpack it first, with bzip2 -d", compress.ErrFormat},
		"zip":           {[]byte("PK\x03\x04 and so on"), "zip is not read: unpack it first, with unzip; save a spreadsheet as CSV", compress.ErrFormat},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := read(bytes.NewReader(test.packed))
			if err == nil || err.Error() != test.want || !errors.Is(err, test.is) {
				t.Errorf("error is %v\n    want %s", err, test.want)
			}
		})
	}
}

// What the stream below says is not taken for broken data.
func TestSourceError(t *testing.T) {
	lost := errors.New("the disk is gone")
	text := lines(100_000)
	for name, packed := range map[string][]byte{"plain": text, "gzip": gz(t, text), "zstd": zst(t, text)} {
		for _, n := range []int{0, 5, len(packed) / 2} {
			r := io.MultiReader(bytes.NewReader(packed[:n]), iotest.ErrReader(lost))
			_, err := read(r)
			if _, broken := errors.AsType[*compress.Error](err); broken || !errors.Is(err, lost) {
				t.Errorf("%s after %d bytes: %v", name, n, err)
			}
		}
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	text := lines(10_000)
	for name, packed := range map[string][]byte{
		"urls.txt": text, "urls.txt.gz": gz(t, text), "urls.txt.zst": zst(t, text),
		"gzip under another name": gz(t, text), "plain.gz": text,
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, packed, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := compress.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s: %d bytes and error %v", name, len(got), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err := r.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: closed again: %v: the file was not closed", name, err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "urls.xz")
	if err := os.WriteFile(path, []byte("\xfd7zXZ\x00 and so on"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := compress.Open(path); err == nil || err.Error() != path+": xz is not read: unpack it first, with xz -d" {
		t.Errorf("xz: %v", err)
	}
	if _, err := compress.Open(dir); err == nil || err.Error() != "read "+dir+": is a directory" {
		t.Errorf("directory: %v", err)
	}
	if _, err := compress.Open(path + "?"); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path+"?") {
		t.Errorf("missing file: %v", err)
	}
}
