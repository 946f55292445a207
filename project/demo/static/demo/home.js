// The examples fill the form; the list of runs is read anew while somebody looks at it.
"use strict";

const SECONDS = 3;
const runs = document.getElementById("runs");
const input = document.querySelector(".start textarea");

if (input) {
  document.querySelector(".examples").hidden = false;
  for (const chip of document.querySelectorAll("[data-example]")) {
    chip.addEventListener("click", () => {
      input.value = chip.dataset.example;
      input.focus();
    });
  }
}

async function refresh() {
  if (document.hidden || runs.contains(document.activeElement)) return;
  const response = await fetch(runs.dataset.url, { headers: { "X-Requested-With": "fetch" } });
  if (!response.ok || response.redirected) return;
  const html = await response.text();
  if (html.trim() !== runs.innerHTML.trim()) runs.innerHTML = html;
}

setInterval(() => refresh().catch(() => {}), SECONDS * 1000);
