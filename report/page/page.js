"use strict";
(() => {
  // The charts that were drawn in advance make room for those that answer.
  document.documentElement.classList.add("js");
  for (const chart of JSON.parse(document.getElementById("charts").textContent)) {
    const figure = document.getElementById(chart.id);
    penstockChart(figure.querySelector(".plot"), chart, "run");
  }
  document.querySelectorAll("table.sortable").forEach(table => penstockSortable(table));
})();
