// Package e2e holds the end-to-end tests: they build the real command, start
// servers on loopback and judge the command from the servers' side and by what
// it wrote. It is a module of its own, so that what the tests need (go-httpbin,
// testscript) is no dependency of Penstock's.
//
// The scripts are in testdata/script. Besides testscript's own commands they
// have:
//
//	exits CODE PROGRAM ARG...         run PROGRAM, which must exit with CODE
//	origin [-hosts N] [-rate R] [-tls KIND]
//	                                  start the audited server: $ORIGIN (the first
//	                                  host), $ORIGIN0, $ORIGIN_HOST0, $ORIGIN1, ...;
//	                                  KIND: trusted (root.pem), expired, wrong-host,
//	                                  self-signed
//	audit [HOST.]FIGURE OP VALUE      compare a figure of the origin's audit, by its
//	                                  name in JSON, for all hosts or for one
//	httpbin                           start go-httpbin: $HTTPBIN, $HTTPBIN_HOST
//	redis start [ARG...] | kill | cli ARG...
//	                                  start a redis-server: $REDIS, its URL; kill it, to
//	                                  start it again; ask it, the answer is stdout. The
//	                                  condition [redis] says whether there is one
//	expand FILE...                    replace $NAME in files by the script's variables
//	genurls FILE COUNT TEMPLATE       write URLs, {i} in TEMPLATE counting from 0
//	compress gz|zst FILE              write FILE.gz or FILE.zst
//	records FILE COUNT [inorder] [ok|failed] [items]
//	                                  FILE holds COUNT records, one per index;
//	                                  items: those of /item/N hold the item N
//	record FILE INDEX CONDITION...    the record INDEX of FILE meets the conditions:
//	                                  FIELD=VALUE, FIELD!=VALUE, FIELD~REGEXP,
//	                                  FIELD<=N, FIELD>=N, !FIELD (absent); FIELD is a
//	                                  path such as error.class or body.headers.Host.0
//	bodyref FILE INDEX TEXT           the body_ref of the record INDEX leads to a whole
//	                                  body with TEXT in it
//	warc FILE COUNT [PART]            an archive is whole, and holds COUNT responses, or
//	                                  COUNT whose URL has PART in it
//
// FILE may be stdout.
//
// With PENSTOCK_TRANSPORT=fast in the environment the commands run with
// --transport fast.
package e2e
