package origin

import "sync"

// What is remembered of attempts (by host and path) and of limits (by host and
// numbers) has an end.
const (
	maxAttemptKeys = 1 << 22
	maxLimits      = 1 << 16
)

// memory is what the paths that change their answers remember.
type memory struct {
	mu       sync.Mutex
	attempts map[uint64]uint32
	limits   map[limitKey]any
}

func (m *memory) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.attempts = make(map[uint64]uint32)
	m.limits = make(map[limitKey]any)
}

// attempt counts an attempt at a key and says which one it is, from 1. When
// 1<<22 keys are known, every attempt at a further one is as late as can be, so
// that it is answered well.
func (m *memory) attempt(key uint64) uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, known := m.attempts[key]
	if !known && len(m.attempts) >= maxAttemptKeys {
		return 1<<32 - 1
	}
	m.attempts[key] = n + 1
	return n + 1
}

// limit finds the limit of that key, made anew when it is asked for first.
// When 1<<16 are known all are forgotten: nobody asks for so many on purpose.
func limit[L any](m *memory, key limitKey, anew func() L) L {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, ok := m.limits[key]; ok {
		return known.(L)
	}
	if len(m.limits) >= maxLimits {
		clear(m.limits)
	}
	made := anew()
	m.limits[key] = made
	return made
}

// mix hashes a text with numbers (FNV-1a, then the finisher of splitmix64). Its
// results are part of what a seed promises: they must not change.
func mix(text string, numbers ...uint64) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	for _, n := range numbers {
		h = splitmix(h ^ n)
	}
	return splitmix(h)
}

func splitmix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// unit is a hash as a number in [0, 1).
func unit(h uint64) float64 { return float64(h>>11) / (1 << 53) }
