// Package journal is the append-only file that makes a run resumable: it
// knows which items have their record, and how long each output file was when
// it was last safe.
//
// # Order of writing
//
// Rows go to the output files first, those are synced, then the journal is
// written, then the journal is synced. So an entry that can be read speaks of
// a row that is on the disk, whatever happened since; and a row without an
// entry is cut off on resuming, as if it had never been written.
//
// # Format
//
// A header line of JSON, padded with spaces to 4096 bytes, the last of which are
// its crc32c in hexadecimal and a newline; then entries of 32 bytes, little endian:
//
//	 0  kind      1 row, 2 ahead, 3 size, 4 end
//	 1  flags     bit 0: the record is ok, 1: it is a duplicate's; of a size: which file
//	 2  status    uint16, the HTTP status
//	 4  length    uint32, of the row
//	 8  value     uint64, the item's index; of a size: bytes
//	16  at        uint64, where an ahead record stands in the ahead file
//	24  class     the error class' number, then 3 bytes 0
//	28  crc32c    of the 28 bytes before and of the entry's number
//
// Entries come in batches that end with the sizes of all files; what stands
// after the last whole batch says nothing. An ahead entry is a record that is
// kept in the ahead file, because an earlier item still has none; a row entry
// for the same item comes later.
//
// The checksum covers the entry's number, so that an entry in the wrong place
// is as bad as a torn one.
package journal
