// penstockChart(element, chart, sync) draws a chart of penstock's report with
// uPlot into element, as wide as that is. chart is a report.Chart in JSON.
// It returns {update(chart), destroy()}. Charts with the same sync (a string)
// show the same moment.
"use strict";
function penstockChart(element, chart, sync) {
  const height = 220, perDecade = 24;
  let plot = null, shown = chart;

  const color = name => getComputedStyle(document.documentElement).getPropertyValue("--" + (name === "ink" ? "soft" : name)).trim();
  const faint = (c, part) => "color-mix(in srgb, " + c + " " + part * 100 + "%, transparent)";

  function milliseconds(v) {
    if (v === 0) return "0";
    if (v < 1) return v.toPrecision(2).replace(/\.?0+$/, "") + " ms";
    if (v < 1000) return +v.toPrecision(v < 10 ? 2 : 3) + " ms";
    if (v < 100000) return +(v / 1000).toPrecision(3) + " s";
    return clock(v / 1000);
  }
  function clock(s) {
    if (s < 60) return +s.toFixed(s < 10 ? 1 : 0) + " s";
    const two = n => String(n).padStart(2, "0");
    const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    return h > 0 ? h + ":" + two(m) + ":" + two(Math.floor(s) % 60) : m + ":" + two(Math.floor(s) % 60);
  }
  function amount(v) {
    if (v === 0) return "0";
    const a = Math.abs(v);
    if (a >= 1e6) return +(v / 1e6).toPrecision(3) + " M";
    if (a >= 1e4) return +(v / 1e3).toPrecision(3) + " k";
    return String(+v.toPrecision(a < 10 ? 2 : 4));
  }
  function bytes(v) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let u = 0;
    while (v >= 1023.5 && u < 4) { v /= 1024; u++; }
    return +v.toPrecision(3) + " " + units[u];
  }
  function value(v) {
    if (v == null) return "–";
    switch (shown.unit) {
      case "ms": return milliseconds(v);
      case "B/s": return bytes(v) + "/s";
      default: return amount(v) + shown.unit;
    }
  }
  const atScale = x => milliseconds(Math.pow(10, x / perDecade) / 1000);

  // What is drawn: stacked series on top of those before them. own keeps the
  // values that the legend shows.
  function columns(c) {
    let sum = null;
    return c.series.map(s => {
      if (s.kind !== "stack") return s.y;
      const top = s.y.map((v, i) => v == null ? null : v + (sum ? sum[i] || 0 : 0));
      sum = top;
      return top;
    });
  }
  // Stacks are drawn from the highest down, so that each covers what is below.
  function order(c) {
    const indexes = c.series.map((_, i) => i);
    return c.series.some(s => s.kind === "stack") ? indexes.reverse() : indexes;
  }
  function data(c) {
    const y = columns(c);
    return [c.x, ...order(c).map(i => y[i])];
  }

  function series(s, i) {
    const c = color(s.color);
    const o = {
      label: s.name, stroke: c, width: 1.6, points: {show: false}, spanGaps: false,
      value: (u, v, k, at) => at == null ? "" : value(shown.series[i].y[at]),
    };
    if (s.kind === "area") o.fill = faint(c, 0.16);
    if (s.kind === "stack") { o.fill = c; o.width = 0; }
    if (s.kind === "step") { o.dash = [5, 4]; o.paths = uPlot.paths.stepped({align: 1}); }
    if (s.kind === "bars") { o.fill = c; o.width = 0; o.paths = uPlot.paths.bars({size: [0.86], align: -1}); }
    return o;
  }

  function options(c) {
    const ink = color("soft"), grid = {stroke: color("grid"), width: 1}, none = {show: false};
    const latency = c.kind === "latency";
    const x = {
      stroke: ink, grid: none, ticks: none, font: "12px system-ui, sans-serif", size: 28, gap: 4, space: 70,
      values: (u, splits) => splits.map(latency ? atScale : clock),
    };
    if (latency) {
      x.splits = (u, axis, min, max) => {
        const list = [];
        for (let d = Math.ceil(min / perDecade) - 1; d * perDecade <= max; d++)
          for (const m of max - min < 2 * perDecade ? [1, 2, 5] : [1]) {
            const at = (d + Math.log10(m)) * perDecade;
            if (at >= min && at <= max) list.push(at);
          }
        return list;
      };
    } else {
      x.incrs = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 432000, 864000];
    }
    return {
      width: Math.max(200, element.clientWidth), height,
      padding: [10, 10, 0, 0],
      scales: {
        x: {time: false, range: (u, min, max) => latency ? [min - 2, max + 1] : [Math.min(0, min), max > min ? max : min + 1]},
        y: {range: (u, min, max) => [0, max > 0 ? max * 1.08 : 1]},
      },
      axes: [x, {
        stroke: ink, grid, ticks: none, font: "12px system-ui, sans-serif", size: c.unit === "B/s" ? 78 : 62, gap: 6, space: 36,
        incrs: c.unit === "B/s" ? Array.from({length: 50}, (_, i) => 2 ** i) : undefined,
        values: (u, splits) => splits.map(v => v === 0 ? "0" : value(v)),
      }],
      series: [{label: latency ? "at most" : "after", value: (u, v) => v == null ? "" : latency ? atScale(v) : clock(v)}]
        .concat(order(c).map(i => series(c.series[i], i))),
      legend: {live: true, markers: {width: 0, fill: (u, i) => color(c.series[order(c)[i - 1]].color)}},
      cursor: {
        points: {size: 6}, drag: {x: !latency, y: false},
        sync: sync && !latency ? {key: sync, setSeries: false} : undefined,
      },
      hooks: {draw: [marks]},
    };
  }

  // The moments that are marked, as dashed lines.
  function marks(u) {
    const g = u.ctx, r = devicePixelRatio || 1;
    g.save();
    g.strokeStyle = color("soft");
    g.lineWidth = r;
    g.setLineDash([2 * r, 3 * r]);
    for (const m of shown.marks || []) {
      const at = Math.round(u.valToPos(m.x, "x", true)) + 0.5;
      if (at < u.bbox.left || at > u.bbox.left + u.bbox.width) continue;
      g.beginPath();
      g.moveTo(at, u.bbox.top);
      g.lineTo(at, u.bbox.top + u.bbox.height);
      g.stroke();
    }
    g.restore();
  }

  function draw() {
    if (plot) plot.destroy();
    plot = new uPlot(options(shown), data(shown), element);
  }
  const resized = new ResizeObserver(() => {
    if (plot && Math.abs(plot.width - element.clientWidth) > 1 && element.clientWidth > 0)
      plot.setSize({width: element.clientWidth, height});
  });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  draw();
  resized.observe(element);
  dark.addEventListener("change", draw);

  return {
    update(next) {
      const same = next.series.length === shown.series.length && next.series.every((s, i) => s.name === shown.series[i].name);
      shown = next;
      if (same) plot.setData(data(next));
      else draw();
    },
    destroy() {
      resized.disconnect();
      dark.removeEventListener("change", draw);
      plot.destroy();
    },
  };
}
