// Package report measures a run of package fetch and makes pictures of it: a
// summary for a terminal and an HTML page that needs nothing but itself.
//
// A [Recorder] stands beside the sink. It sees every record, asks the engine
// ten times a second how things stand, and yields a [Data]: plain figures that
// are stored as JSON in a run's summary and from which everything else here is
// made, now or years later:
//
//	engine, _ := fetch.New(options)
//	rec := report.NewRecorder(report.Options{Stats: engine.Stats})
//	rec.Start()
//	_, err := engine.Run(ctx, source, rec.Wrap(sink))
//	rec.Stop()
//	data := rec.Data()
//	err = report.WriteHTML(file, data)
//
// Memory is bounded whatever the run: the time line has at most 600 steps,
// which get longer as the run does; hosts beyond the most frequent ones are
// counted together; latencies are kept in histograms.
//
// Where a run has left no summary, because it was killed, [FromRecords] makes
// a Data of its records, with what they can tell.
package report
