package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Ask sends a command and returns the answer as redis-cli prints it where its
// output is no terminal: the elements of a list in a line each, an error as its
// text. It asks again while the server loads its data. The error says that there was
// no answer.
//
// It is no redis-cli, since tests that wait ask some hundred times a second, and
// starting as many processes took more of the machine than the tests.
func (s *Server) Ask(args ...string) (out string, err error) {
	within(patience, func() bool {
		out, err = s.ask(args...)
		return err != nil || !strings.HasPrefix(out, "LOADING")
	})
	return out, err
}

// ask is Ask that asks once.
func (s *Server) ask(args ...string) (string, error) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	var command strings.Builder
	fmt.Fprintf(&command, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&command, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(conn, command.String()); err != nil {
		return "", err
	}
	out, err := answer(bufio.NewReader(conn))
	return strings.TrimSpace(out), err
}

// answer reads an answer of RESP 2.
func answer(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return "", errors.New("redistest: an answer without a type")
	}
	kind, text := line[0], line[1:]
	if kind == '+' || kind == '-' || kind == ':' {
		return text, nil
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || kind != '$' && kind != '*':
		return "", fmt.Errorf("redistest: the answer %q", line)
	case n < 0:
		return "", nil // nil
	case kind == '$':
		data := make([]byte, n+len("\r\n"))
		_, err := io.ReadFull(r, data)
		return string(data[:n]), err
	}
	elements := make([]string, n)
	for i := range elements {
		if elements[i], err = answer(r); err != nil {
			return "", err
		}
	}
	return strings.Join(elements, "\n"), nil
}
