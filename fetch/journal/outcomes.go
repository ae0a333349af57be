package journal

// outcomes are what became of the items, by index.
type outcomes []uint16

// An outcome is 1 that says that there is one, whether it is ok, 4 bits for the
// class, 10 for the status.
func (o *outcomes) set(e Entry) {
	for int64(len(*o)) <= e.Index {
		*o = append(*o, 0)
	}
	v := uint16(1) | uint16(e.Class&0xf)<<2 | uint16(e.Status&0x3ff)<<6
	if e.OK {
		v |= 2
	}
	(*o)[e.Index] = v
}

// Outcome tells whether the record of an item is ok, its status and the number
// of its error's class, if there is a record. It knows of none unless the
// journal was opened by OpenWithOutcomes.
func (st *State) Outcome(index int64) (ok bool, status int, class uint8, done bool) {
	if st.outcomes == nil || index < 0 || index >= int64(len(*st.outcomes)) {
		return false, 0, 0, false
	}
	v := (*st.outcomes)[index]
	return v&2 != 0, int(v >> 6), uint8(v >> 2 & 0xf), v&1 != 0
}
