package rate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/rate"
)

func TestQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := rate.New(rate.Rate{Count: 100, Per: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for i := range 20 {
			if err := l.Wait(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			t.Log(i, time.Since(start))
		}
	})
}

func BenchmarkAllow(b *testing.B) {
	l, _ := rate.New(rate.Rate{Count: 1e9, Per: time.Second})
	for b.Loop() {
		l.Allow(1)
	}
}
func BenchmarkAt(b *testing.B) {
	l, _ := rate.New(rate.Rate{Count: 1e9, Per: time.Second})
	n := time.Now()
	for b.Loop() {
		n = n.Add(10)
		l.At(n, 1)
	}
}
func BenchmarkTwo(b *testing.B) {
	l, _ := rate.New(rate.Rate{Count: 1e9, Per: time.Second}, rate.Rate{Count: 1e9, Per: time.Second})
	for b.Loop() {
		l.Allow(1)
	}
}
func BenchmarkTwoAt(b *testing.B) {
	l, _ := rate.New(rate.Rate{Count: 1e9, Per: time.Second}, rate.Rate{Count: 1e9, Per: time.Second})
	n := time.Now()
	for b.Loop() {
		n = n.Add(10)
		l.At(n, 1)
	}
}
