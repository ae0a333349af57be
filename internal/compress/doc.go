// Package compress reads and writes files that may be compressed: plain, gzip
// or zstd. It starts no goroutine.
package compress
