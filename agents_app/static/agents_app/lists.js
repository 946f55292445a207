// A list that is too wide for a phone shows its rows as cards: each cell is given the heading of its column, which the
// style sheet puts beside it.
"use strict";

(() => {
  const label = (table) => {
    const headings = [...table.querySelectorAll("thead th")].map((cell) =>
      cell.classList.contains("action-checkbox-column") ? "" : (cell.querySelector(".text") ?? cell).textContent.trim(),
    );
    for (const row of table.querySelectorAll("tbody tr")) {
      [...row.children].forEach((cell, place) => {
        if (headings[place]) cell.dataset.label = headings[place];
      });
    }
    table.classList.add("aa-cards");
  };

  const wide = (table) => table.scrollWidth > table.parentElement.clientWidth + 1;

  document.addEventListener("DOMContentLoaded", () => {
    const table = document.querySelector("body:not(.aa-inbox) #result_list");
    if (table && wide(table)) label(table);
  });
})();
