package fleet

// Kill ends w as kill -9 does: nobody hears of it.
func (w *Worker) Kill() {
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	w.fail(nil)
	w.wg.Wait()
}

// Remembered is how many chunks that were lost w keeps in memory.
func (w *Worker) Remembered() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.lost)
}

// Output is what w writes to.
func (w *Worker) Output() Output { return w.out }
