package input_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch/input"
)

var urlsJSON = input.Options{Source: "urls.jsonl"}

func TestJSONL(t *testing.T) {
	for _, test := range [][2]string{
		{`{"url":"https://a.example"}`, `1 https://a.example`},
		{` { "url" : "https://a.example" } `, `1 https://a.example`},
		{`{"url":" https://a.example\n"}`, `1 https://a.example`},
		{`{"\u0075rl":"https:\/\/a.example\/\u00e9"}`, `1 https://a.example/é`},

		{`{"url":"https://a.example","id":"x y"}`, `1 https://a.example id="x y"`},
		{`{"url":"https://a.example","id":12345678901234567890}`, `1 https://a.example id="12345678901234567890"`},
		{`{"url":"https://a.example","id":1.50e2}`, `1 https://a.example id="1.50e2"`},
		{`{"url":"https://a.example","id":"\u0022\uD83D\ude00"}`, `1 https://a.example id="\"😀"`},

		{`{"url":"https://a.example","method":"get"}`, `1 https://a.example GET`},
		{`{"url":"https://a.example","method":"PROPFIND"}`, `1 https://a.example PROPFIND`},
		{`{"url":"https://a.example","method":"purge"}`, `1 https://a.example purge`},

		{`{"url":"https://a.example","headers":{"x-a":"1","Accept":["text/html","*/*"]}}`, `1 https://a.example map[Accept:[text/html */*] X-A:[1]]`},
		{`{"url":"https://a.example","headers":{"X-A":"","X-B":[]}}`, `1 https://a.example map[X-A:[]]`},
		{`{"url":"https://a.example","headers":{}}`, `1 https://a.example`},
		{`{"url":"https://a.example","headers":{"X-A":"caf\u00e9\t1"}}`, "1 https://a.example map[X-A:[café\t1]]"},

		{`{"url":"https://a.example","body":"a=1&b=\u00e9"}`, `1 https://a.example body=a=1&b=é`},
		{`{"url":"https://a.example","body":""}`, `1 https://a.example body=`},
		{`{"url":"https://a.example","body":{"a": [1, "}"]}}`, `1 https://a.example map[Content-Type:[application/json]] body={"a": [1, "}"]}`},
		{`{"url":"https://a.example","body":[1,[2]]}`, `1 https://a.example map[Content-Type:[application/json]] body=[1,[2]]`},
		{`{"url":"https://a.example","body":{},"headers":{"content-type":"text/x"}}`, `1 https://a.example map[Content-Type:[text/x]] body={}`},
		{`{"headers":{"x":"y"},"body":{"\\\"":"\\"},"url":"https://a.example"}`, `1 https://a.example map[Content-Type:[application/json] X:[y]] body={"\\\"":"\\"}`},

		{`{"url":"https://a.example","cost":3}`, `1 https://a.example cost=3`},
		{`{"url":"https://a.example","cost":2147483647}`, `1 https://a.example cost=2147483647`},

		{`{"custom_id":"r-1","method":"POST","url":"https://a.example/v1","body":{"model":"m"}}`, `1 https://a.example/v1 id="r-1" POST map[Content-Type:[application/json]] body={"model":"m"}`},

		{`{"url":"https://a.example","id":null,"custom_id":null,"method":null,"headers":null,"body":null,"cost":null}`, `1 https://a.example`},

		// Names that are none of the request's business are let pass.
		{`{"url":"https://a.example","title":"x","ids":[1],"host":"y","Type":{"url":1},"long name that is no field":2,"":3}`, `1 https://a.example`},
		{`{"title":"x","title":"y","url":"https://a.example"}`, `1 https://a.example`},
	} {
		items := check(t, input.NewJSONL(strings.NewReader(test[0]), urlsJSON), test[1])
		checkRaw(t, items, input.Options{})
	}
}

func TestJSONLErrors(t *testing.T) {
	u := `"url":"https://a.example"`
	for _, test := range [][2]string{
		// no JSON object
		{`{"url"`, `bad JSON: the line ends within the value`},
		{`{`, `bad JSON: the line ends within the value`},
		{`{"url":"https://a.example}`, `bad JSON: the line ends within the value`},
		{`{'url':'https://a.example'}`, `bad JSON at byte 2: invalid character '\'' looking for beginning of object key string`},
		{`{"url":"https://a.example",}`, `bad JSON at byte 28: invalid character '}' looking for beginning of object key string`},
		{`{"url":"a` + "\t" + `b"}`, `bad JSON at byte 10: invalid character '\t' in string literal`},
		{`{"url":"\x"}`, `bad JSON at byte 10: invalid character 'x' in string escape code`},
		{`{` + u + `} x`, `bad JSON: more after the end of the value at byte 28: one object a line`},
		{`{` + u + `},`, `bad JSON: more after the end of the value at byte 28: one object a line`},
		{`{` + u + `}{` + u + `}`, `bad JSON: more after the end of the value at byte 28: one object a line`},
		{strings.Repeat(`{"a":`, 20_000), `bad JSON at byte 50001: invalid character '{' exceeded max depth`},
		{"{\"url\":\"https://a.example/\xff\"}", `not valid UTF-8 at byte 27: binary data, or another encoding?`},
		{`https://a.example`, `not a JSON object: a line of JSON Lines begins with {`},
		{`"https://a.example"`, `not a JSON object but a string`},
		{`7`, `not a JSON object but a number`},
		{`null`, `not a JSON object but null`},
		{`true`, `not a JSON object but a boolean`},
		{`[{` + u + `}]`, `not a JSON object but an array (jq -c '.[]' makes lines of an array)`},

		// url
		{`{}`, `no field "url"`},
		{`{"url":null}`, `no field "url"`},
		{`{"id":1,"link":"https://a.example"}`, `no field "url"; did you mean "link"?`},
		{`{"uri":"https://a.example"}`, `no field "url"; did you mean "uri"?`},
		{`{"image_url":"https://a.example"}`, `no field "url"; did you mean "image_url"?`},
		{`{"urls":["https://a.example"]}`, `no field "url"; did you mean "urls"?`},
		{`{"url":7}`, `field "url" must be a string, not a number`},
		{`{"url":["https://a.example"]}`, `field "url" must be a string, not an array`},
		{`{"url":""}`, `empty URL`},
		{`{"url":"a.example"}`, `missing scheme: did you mean https://a.example`},
		{`{"url":"https://a.example/\u0000"}`, `NUL byte at byte 19: binary data, or UTF-16 text?`},
		{`{"url":"https://a.example/\ud800"}`, `field "url" holds half of a surrogate pair (\ud800 to \udfff)`},
		{`{"url":"https://a.example/\udc00\ud800"}`, `field "url" holds half of a surrogate pair (\ud800 to \udfff)`},
		{`{"url":"https://a.example/\ud800\\u"}`, `field "url" holds half of a surrogate pair (\ud800 to \udfff)`},
		{`{"url":"/v1/files"}`, `only a path: name the server with --base-url https://example.com`},

		// names
		{`{` + u + `,` + u + `}`, `field "url" appears twice`},
		{`{` + u + `,"id":1,"\u0069d":null}`, `field "\u0069d" appears twice`},
		{`{` + u + `,"header":{"X":"y"}}`, `unknown field "header"; did you mean "headers"?`},
		{`{` + u + `,"Headers":{"X":"y"}}`, `unknown field "Headers"; did you mean "headers"?`},
		{`{` + u + `,"haeders":{"X":"y"}}`, `unknown field "haeders"; did you mean "headers"?`},
		{`{` + u + `,"metod":"POST"}`, `unknown field "metod"; did you mean "method"?`},
		{`{` + u + `,"ID":1}`, `unknown field "ID"; did you mean "id"?`},
		{`{` + u + `,"customid":1}`, `unknown field "customid"; did you mean "custom_id"?`},
		{`{` + u + `,"data":"x"}`, `unknown field "data"; did you mean "body"?`},
		{`{` + u + `,"params":{}}`, `unknown field "params": write the parameters into the url`},
		{`{` + u + `,"cookies":{}}`, `unknown field "cookies": write a Cookie header into "headers"`},
		{`{` + u + `,"timeout":3}`, `unknown field "timeout": one for all is set with --timeout`},

		// id
		{`{` + u + `,"id":true}`, `field "id" must be a string or a number, not a boolean`},
		{`{` + u + `,"custom_id":{}}`, `field "custom_id" must be a string or a number, not an object`},
		{`{` + u + `,"id":1,"custom_id":2}`, `has both "id" and "custom_id"`},
		{`{` + u + `,"id":"\udfff"}`, `field "id" holds half of a surrogate pair (\ud800 to \udfff)`},

		// method
		{`{` + u + `,"method":7}`, `field "method" must be a string, not a number`},
		{`{` + u + `,"method":""}`, `method "" is not a word of letters, digits and hyphens`},
		{`{` + u + `,"method":"GET /x"}`, `method "GET /x" is not a word of letters, digits and hyphens`},
		{`{` + u + `,"method":"GET\r\nX: y"}`, `method "GET\r\nX: y" is not a word of letters, digits and hyphens`},
		{`{` + u + `,"method":"connect"}`, `method CONNECT opens a tunnel and fetches nothing`},

		// headers
		{`{` + u + `,"headers":["X: y"]}`, `field "headers" must be an object, not an array`},
		{`{` + u + `,"headers":"X: y"}`, `field "headers" must be an object, not a string`},
		{`{` + u + `,"headers":{"X":1}}`, `header "X" must be a string or an array of strings, not a number`},
		{`{` + u + `,"headers":{"X":null}}`, `header "X" must be a string or an array of strings, not null`},
		{`{` + u + `,"headers":{"X":["y",{}]}}`, `header "X" must be a string or an array of strings, not an object`},
		{`{` + u + `,"headers":{"":"y"}}`, `a header has an empty name`},
		{`{` + u + `,"headers":{"X Y":"y"}}`, `header name "X" is followed by ' ', which no name holds`},
		{`{` + u + `,"headers":{"Authorization: secret":"y"}}`, `header name "Authorization" is followed by ':', which no name holds`},
		{`{` + u + `,"headers":{"X\r\nY":"y"}}`, `header name "X" is followed by '\r', which no name holds`},
		{`{` + u + `,"headers":{"Ü":"y"}}`, `header name "" is followed by 'Ü', which no name holds`},
		{`{` + u + `,"headers":{"\ud800":"y"}}`, `a header's name holds half of a surrogate pair`},
		{`{` + u + `,"headers":{"X":"secret\r\nY: z"}}`, `header "X" holds a line break`},
		{`{` + u + `,"headers":{"x-a":["y","secret\n"]}}`, `header "X-A" holds a line break`},
		{`{` + u + `,"headers":{"X":"secret\u0000"}}`, `header "X" holds the control character U+0000`},
		{`{` + u + `,"headers":{"X":"secret\u007f"}}`, `header "X" holds the control character U+007F`},
		{`{` + u + `,"headers":{"X":"\ud800"}}`, `header "X" holds half of a surrogate pair`},
		{`{` + u + `,"headers":{"x-a":"1","X-A":"2"}}`, `header "X-A" appears twice: give it an array of strings`},

		// body
		{`{` + u + `,"body":7}`, `field "body" must be a string, an object or an array, not a number`},
		{`{` + u + `,"body":false}`, `field "body" must be a string, an object or an array, not a boolean`},
		{`{` + u + `,"body":"\ud83d"}`, `field "body" holds half of a surrogate pair (\ud800 to \udfff)`},

		// cost
		{`{` + u + `,"cost":"3"}`, `field "cost" must be a number, not a string`},
		{`{` + u + `,"cost":0}`, `cost 0 is not a whole number from 1 to 2147483647`},
		{`{` + u + `,"cost":-1}`, `cost -1 is not a whole number from 1 to 2147483647`},
		{`{` + u + `,"cost":1.5}`, `cost 1.5 is not a whole number from 1 to 2147483647`},
		{`{` + u + `,"cost":2147483648}`, `cost 2147483648 is not a whole number from 1 to 2147483647`},
		{`{` + u + `,"cost":1e99999999999999999999}`, `cost 1e999999999999999999... is not a whole number from 1 to 2147483647`},
	} {
		items := check(t, input.NewJSONL(strings.NewReader("\n"+test[0]), urlsJSON), "urls.jsonl:2: "+test[1])
		if strings.Contains(test[1], "secret") {
			t.Errorf("%s: the error tells a secret", test[0])
		}
		if len(items) == 1 && string(items[0].Raw) != test[0] {
			t.Errorf("%s: Raw is %s", test[0], items[0].Raw)
		}
	}
}

// A bad item is known by its id and url where they can be read.
func TestBadItemIsKnown(t *testing.T) {
	for _, test := range []string{
		`{"cost":-1,"url":"https://a.example","id":"x"}`,
		`{"header":1,"id":"x","url":"https://a.example"}`,
		`{"headers":{"X":"\n"},"custom_id":"x","url":"https://a.example"}`,
		`{"id":"x","id":"x","url":"https://a.example"}`,
	} {
		it, err := input.NewJSONL(strings.NewReader(test), urlsJSON).Next()
		if err != nil || it.Err == nil || it.ID != "x" || it.URL != "https://a.example" {
			t.Errorf("%s: id %q, url %q, %v", test, it.ID, it.URL, it.Err)
		}
	}
}

func TestBatchDialect(t *testing.T) {
	base, err := input.ParseBase("https://api.example.com/v1")
	if err != nil {
		t.Fatal(err)
	}
	o := urlsJSON
	o.Base = base
	text := `{"custom_id":"request-1","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[]}}
{"custom_id":"request-2","method":"POST","url":"/v1/embeddings","body":{"input":"x"}}`
	items := check(t, input.NewJSONL(strings.NewReader(text), o),
		`1 https://api.example.com/v1/chat/completions id="request-1" POST map[Content-Type:[application/json]] body={"model":"m","messages":[]}
2 https://api.example.com/v1/embeddings id="request-2" POST map[Content-Type:[application/json]] body={"input":"x"}`)
	checkRaw(t, items, o)
}

// No reader's items share a header map.
func TestHeadersAreTheItems(t *testing.T) {
	line := `{"url":"https://a.example","body":{}}` + "\n"
	items, err := all(t, input.NewJSONL(strings.NewReader(line+line), urlsJSON))
	if err != nil || len(items) != 2 {
		t.Fatal(items, err)
	}
	items[0].Header.Set("X", "y")
	items[0].Header["Content-Type"][0] = "text/x"
	if got := fmt.Sprint(items[1].Header); got != "map[Content-Type:[application/json]]" {
		t.Error(got)
	}
}
