package origin

import (
	"encoding/json"
	"io"
	"net/http"
	"unicode/utf8"
)

const maxEcho = 16 << 20

var echoRoutes = []route{
	{name: "echo", form: "/echo[/...]", example: "/echo", help: "method, URL, headers and body (to 16 MiB) of the request, as JSON", serve: serveEcho},
	{name: "cookie", form: "/cookie[/set/NAME/VALUE]", example: "/cookie/set/a/1", help: "sets a cookie and redirects to /cookie, which answers the cookies as JSON", serve: serveCookie},
}

// echo is the answer of /echo and /landed.
type echo struct {
	Method     string      `json:"method"`
	URL        string      `json:"url"`
	Proto      string      `json:"proto"`
	Host       string      `json:"host"`
	Headers    http.Header `json:"headers"`
	Trailers   http.Header `json:"trailers,omitempty"`
	Length     int         `json:"length"`
	Body       string      `json:"body,omitempty"`
	BodyBase64 []byte      `json:"body_base64,omitempty"`
}

func serveEcho(x *exchange, _ *route) {
	body, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, maxEcho))
	if err != nil {
		x.text(http.StatusRequestEntityTooLarge, "reading the body: %v", err)
		return
	}
	e := echo{
		Method: x.r.Method, URL: x.r.RequestURI, Proto: x.r.Proto, Host: x.r.Host,
		Headers: x.r.Header, Trailers: x.r.Trailer, Length: len(body),
	}
	if utf8.Valid(body) {
		e.Body = string(body)
	} else {
		e.BodyBase64 = body
	}
	out, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings always marshal
	}
	x.send(http.StatusOK, jsonType, append(out, '\n'))
}

func serveCookie(x *exchange, r *route) {
	if x.rest == "" {
		cookies := make(map[string]string)
		for _, c := range x.r.Cookies() {
			cookies[c.Name] = c.Value
		}
		body, err := json.Marshal(cookies)
		if err != nil {
			panic(err) // strings always marshal
		}
		x.send(http.StatusOK, jsonType, append(body, '\n'))
		return
	}
	if x.arg() != "set" {
		x.refuse(r)
		return
	}
	name := x.arg()
	http.SetCookie(x.w, &http.Cookie{Name: name, Value: x.arg(), Path: "/"})
	x.redirect(http.StatusFound, "/cookie")
}
