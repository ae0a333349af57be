package keyed_test

import (
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/keyed"
	"github.com/penstock-go/penstock/rate"
)

// The permit of an All is a Settler also where the rate is one of many keys.
func TestSettleOfAComposedPermit(t *testing.T) {
	l, err := rate.New(rate.Rate{Count: 1, Per: time.Hour, Burst: 100})
	if err != nil {
		t.Fatal(err)
	}
	k := keyed.New(func(string) *rate.Limiter { return l }, keyed.Options{})
	p, ok := penstock.All(k.For("a"), penstock.NewSemaphore(100)).TryAcquirePermit(100)
	if !ok {
		t.Fatal("refused")
	}
	s, ok := p.(penstock.Settler)
	if !ok {
		t.Fatalf("a %T is no Settler", p)
	}
	s.Settle(40)
	if !l.Allow(60) || l.Allow(1) {
		t.Error("60 were not given back")
	}
	p.Release(penstock.Success)
}
