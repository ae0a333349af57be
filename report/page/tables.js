// penstockSortable(table, order) lets a click on a heading of a report's table
// sort by it. It returns the order, to be given to it again when the table has
// been made anew.
"use strict";
function penstockSortable(table, order) {
  const heads = [...table.tHead.rows[0].cells];
  const state = order || {column: -1, up: false};
  function sort() {
    if (state.column < 0) return;
    const head = heads[state.column], number = head.classList.contains("n");
    heads.forEach(h => h.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", state.up ? "ascending" : "descending");
    const key = row => { const v = row.cells[state.column].dataset.v; return number ? +v : v; };
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => { const x = key(a), y = key(b); return (x < y ? -1 : x > y ? 1 : 0) * (state.up ? 1 : -1); });
    table.tBodies[0].append(...rows);
  }
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const number = head.classList.contains("n");
      state.up = state.column === column ? !state.up : !number;
      state.column = column;
      sort();
    });
  });
  sort();
  return state;
}
