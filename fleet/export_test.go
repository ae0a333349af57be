package fleet

// Kill ends w as kill -9 does: nobody hears of it.
func (w *Worker) Kill() {
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	w.fail(nil)
	w.wg.Wait()
}
