// Package penstock does many asynchronous operations at once, as fast as the
// resources allow and never faster.
package penstock
