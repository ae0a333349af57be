// Package display shows people how a run goes while it goes on: a block of
// lines that is drawn again on a terminal, a plain line now and then where
// there is none, or JSON for programs.
//
// What is shown is a [State], which a [Meter] makes of what the engine says of
// itself; [State.Lines], [State.Plain] and [State.JSON] render it and have no
// other input. A [Display] owns the writer: whatever is said while a run goes
// on goes through it, so that nothing is written across anything else.
package display
