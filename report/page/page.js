"use strict";
(() => {
  // The charts that were drawn in advance make room for those that answer.
  document.documentElement.classList.add("js");
  for (const chart of JSON.parse(document.getElementById("charts").textContent)) {
    const figure = document.getElementById(chart.id);
    penstockChart(figure.querySelector(".plot"), chart, "run");
  }

  // A click on a heading sorts by it.
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const number = head.classList.contains("n");
        const up = head.getAttribute("aria-sort") === (number ? "descending" : null) || (!number && head.getAttribute("aria-sort") !== "ascending");
        heads.forEach(h => h.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const key = row => { const v = row.cells[column].dataset.v; return number ? +v : v; };
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => { const x = key(a), y = key(b); return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1); });
        table.tBodies[0].append(...rows);
      });
    });
  }
})();
