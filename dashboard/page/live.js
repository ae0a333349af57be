"use strict";
(() => {
  const $ = id => document.getElementById(id);
  const tokenNeeded = document.querySelector('meta[name="penstock-token-to-read"]').content === "true";
  const charts = new Map(), rows = new Map();
  let status = null, order, ended = false, reading = null;

  // The token comes behind the # of the address, which no browser sends to
  // anybody, and is kept for this tab alone.
  const key = "penstock-token " + location.pathname;
  let token = new URLSearchParams(location.hash.slice(1)).get("token") || sessionStorage.getItem(key) || "";
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  const keep = t => { token = t; t ? sessionStorage.setItem(key, t) : sessionStorage.removeItem(key); };
  if (token) keep(token);
  const headers = more => token ? {Authorization: "Bearer " + token, ...more} : {...more};

  const number = n => Math.round(n).toLocaleString("en-US");
  const pace = v => v === 0 ? "0/s" : v < 10 ? +v.toPrecision(2) + "/s" : number(v) + "/s";
  function span(s) {
    s = Math.round(s);
    if (s < 60) return s + " s";
    if (s < 3600) return Math.floor(s / 60) + "m" + String(s % 60).padStart(2, "0") + "s";
    return Math.floor(s / 3600) + "h" + String(Math.floor(s / 60) % 60).padStart(2, "0") + "m";
  }

  function say(text) { $("said").textContent = text; }
  function ask(why) {
    $("ask").hidden = false;
    if (why) $("ask-why").textContent = why;
  }

  // post asks for a change, and shows at once what came of it.
  async function post(what, fields) {
    if (!token) { ask(); $("token").focus(); return false; }
    say("");
    try {
      const answer = await fetch(what, {method: "POST", headers: headers(), body: new URLSearchParams(fields)});
      if (answer.ok) { showStatus(await answer.json()); return true; }
      if (answer.status === 401) { keep(""); ask("That was not the token; type the one that was printed at the start"); }
      say((await answer.text()).trim());
    } catch { say("There is no answer: the run may have ended."); }
    return false;
  }

  $("pause").addEventListener("click", () => post(status.run.state === "paused" ? "resume" : "pause"));
  $("controls").addEventListener("submit", async e => {
    e.preventDefault();
    if (await post("limit", {limit: $("limit").value})) $("limit").blur();
    delete $("limit").dataset.typed;
  });
  $("limit").addEventListener("input", e => { e.target.dataset.typed = "yes"; });
  $("ask").addEventListener("submit", e => {
    e.preventDefault();
    keep($("token").value.trim());
    $("token").value = "";
    $("ask").hidden = true;
    say("");
    if (!reading) read();
    if (status) showStatus(status);
  });

  // settle writes a limit into its field, unless somebody is typing there.
  function settle(input, value) {
    if (document.activeElement !== input && !input.dataset.typed) input.value = value || "";
  }

  function showStatus(s) {
    status = s;
    const run = s.run;
    $("version").textContent = "Penstock " + (s.version || "");
    $("limiters").hidden = !s.limiters;
    if (s.limiters) showLimiters(s.limiters);
    document.documentElement.classList.remove("lost");
    if (!run) {
      state("running", s.title);
      $("state").textContent = "watching";
      $("now").textContent = s.limiters.length === 1 ? "one limit" : s.limiters.length + " limits";
      $("summary").querySelector("h1").textContent = s.title;
      return;
    }
    ended = !["running", "paused", "ending"].includes(run.state);
    state(run.state, (run.state === "running" ? pace(run.rate) : run.state) + " · " + (run.output || s.title));
    const parts = [pace(run.rate) + " now", run.in_flight + " of " + run.limit + " in flight", number(run.queued) + " queued"];
    if (run.backoff) parts.push(number(run.backoff) + " to be retried");
    if (run.hosts_on_hold) parts.push(run.hosts_on_hold + (run.hosts_on_hold === 1 ? " host" : " hosts") + " on hold");
    if (run.eta_seconds) parts.push("about " + span(run.eta_seconds) + " left");
    $("now").textContent = ended ? "after " + span(run.seconds) : parts.join(" · ");
    const w = run.waiting;
    $("why").textContent = ended ? "" : run.state === "paused" ? "Nothing new starts until somebody resumes it." : "Waiting for " + w.text + (w.limit ? ", " + w.limit : "") + (w.rate ? ", " + w.rate : "") +
      (w.host ? ": " + w.host : "") + (w.seconds >= 1 ? ", for " + span(w.seconds) : "");
    $("controls").hidden = ended || !(run.can_pause || run.can_limit);
    $("pause").hidden = !run.can_pause;
    $("pause").textContent = run.state === "paused" ? "Resume" : "Pause";
    
    $("limit").hidden = $("set").hidden = !run.can_limit;
    settle($("limit"), run.limit);
  }

  function state(name, title) {
    $("state").textContent = name;
    $("lamp").className = "lamp " + name;
    document.title = title;
  }

  function showLimiters(list) {
    for (const l of list) {
      let row = rows.get(l.name);
      if (!row) rows.set(l.name, row = limiterRow(l));
      const text = (i, v) => { row.cells[i].textContent = v; };
      text(1, number(l.in_use));
      if (l.can_limit) {
        if (l.paused) row.input.value = "paused"; else settle(row.input, l.limit);
        row.input.disabled = row.set.disabled = l.paused;
        row.pause.textContent = l.paused ? "Resume" : "Pause";
        row.paused = l.paused;
      } else text(2, l.limit ? number(l.limit) : l.rate ? pace(l.rate) : "-");
      text(3, number(l.waiting));
      text(4, number(l.acquired));
      text(5, number(l.cancelled));
      text(6, span(l.total_wait_ns / 1e9));
    }
  }

  function limiterRow(l) {
    const tr = $("limiters").querySelector("tbody").insertRow();
    const row = {cells: Array.from({length: 8}, () => tr.insertCell()), paused: false};
    row.cells[0].textContent = l.name;
    row.cells[0].className = "host";
    row.cells.slice(1).forEach(c => { c.className = "n"; });
    if (!l.can_limit) return row;
    const form = document.createElement("form");
    row.input = Object.assign(document.createElement("input"), {inputMode: "numeric", size: 6, required: true, pattern: "[0-9]+"});
    row.input.setAttribute("aria-label", "limit of " + l.name);
    row.input.addEventListener("input", () => { row.input.dataset.typed = "yes"; });
    row.set = Object.assign(document.createElement("button"), {textContent: "Set"});
    row.pause = Object.assign(document.createElement("button"), {type: "button"});
    form.append(row.input, row.set);
    form.addEventListener("submit", async e => {
      e.preventDefault();
      if (await post("limit", {limiter: l.name, limit: row.input.value})) row.input.blur();
      delete row.input.dataset.typed;
    });
    row.pause.addEventListener("click", () => post(row.paused ? "resume" : "pause", {limiter: l.name}));
    row.cells[2].append(form);
    row.cells[7].append(row.pause);
    return row;
  }

  // swap puts html where it is not yet, and leaves open what was opened.
  function swap(element, html) {
    if (element.was === html) return;
    const open = [...element.querySelectorAll("details")].map(d => d.open);
    element.was = html;
    element.innerHTML = html;
    element.querySelectorAll("details").forEach((d, i) => { if (open[i] !== undefined) d.open = open[i]; });
    element.querySelectorAll("table.sortable").forEach(t => { order = penstockSortable(t, order); });
  }

  function showSections(s) {
    for (const name of ["summary", "figures", "waited", "tables"]) swap($(name), s[name]);
  }

  function showCharts(list) {
    for (const chart of list) {
      const drawn = charts.get(chart.id);
      if (drawn) { drawn.update(chart); continue; }
      const figure = document.createElement("figure"), plot = document.createElement("div");
      const caption = document.createElement("figcaption"), title = document.createElement("h2"), note = document.createElement("p");
      figure.className = "chart";
      figure.id = "chart-" + chart.id;
      title.textContent = chart.title;
      note.textContent = chart.note || "";
      plot.className = "plot";
      caption.append(title, note);
      figure.append(caption, plot);
      const next = list.slice(list.indexOf(chart) + 1).map(c => $("chart-" + c.id)).find(f => f);
      $("charts").insertBefore(figure, next || null);
      charts.set(chart.id, penstockChart(plot, chart, "live"));
    }
  }

  // read shows events until there are no more, and then tries again, unless
  // the run has ended.
  async function read() {
    if (tokenNeeded && !token) {
      state("lost", "Penstock");
      $("state").textContent = "locked";
      $("summary").querySelector("h1").textContent = "A token is needed";
      document.documentElement.classList.add("locked");
      ask("Type the token that was printed at the start");
      $("token").focus();
      return;
    }
    reading = true;
    document.documentElement.classList.toggle("locked", tokenNeeded);
    for (let wait = 1; !ended; wait = Math.min(10, wait * 2)) {
      try {
        const answer = await fetch("events", {headers: headers(), cache: "no-store"});
        if (answer.status === 401) {
          keep("");
          reading = null;
          ask("That was not the token; type the one that was printed at the start");
          return;
        }
        if (answer.ok) {
          wait = 0.5;
          await events(answer.body.pipeThrough(new TextDecoderStream()).getReader());
        } else say((await answer.text()).trim());
      } catch { /* it is told below */ }
      if (ended) break;
      state("lost", "not connected");
      $("state").textContent = "not connected";
      $("now").textContent = "trying again";
      document.documentElement.classList.add("lost");
      await new Promise(done => setTimeout(done, wait * 1000));
    }
    reading = null;
  }

  const show = {status: showStatus, sections: showSections, charts: showCharts};
  async function events(reader) {
    for (let text = "";;) {
      const {value, done} = await reader.read();
      if (done) return;
      text += value;
      for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
        const at = text.indexOf("\ndata: ");
        const name = text.slice(7, at);
        if (show[name]) show[name](JSON.parse(text.slice(at + 7, end)));
      }
    }
  }
  read();
})();
