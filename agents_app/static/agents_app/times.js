// Times are shown in the reader's own zone and language. Without this file they stand there in the server's zone.
"use strict";

(() => {
  const STYLES = {
    full: { dateStyle: "medium", timeStyle: "medium" },
    clock: { timeStyle: "medium" },
    short: { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" },
  };
  const made = new Map();

  const formatter = (style) => {
    if (!made.has(style)) {
      let found;
      try {
        found = new Intl.DateTimeFormat(document.documentElement.lang || undefined, STYLES[style]);
      } catch {
        found = new Intl.DateTimeFormat(undefined, STYLES[style]); // a language that this browser does not know
      }
      made.set(style, found);
    }
    return made.get(style);
  };

  const style = (item, moment) => {
    const wanted = item.dataset.time;
    // A clock alone means "on the same day as before", and a date without its year "this year": in the server's zone.
    if (wanted === "short" && moment.getFullYear() !== new Date().getFullYear()) return "full";
    if (wanted === "clock" && item.dataset.day) {
      const before = new Date(item.dataset.day);
      if (before.toDateString() !== moment.toDateString()) return "full";
    }
    return wanted;
  };

  const show = (item) => {
    const moment = new Date(item.dateTime);
    if (Number.isNaN(moment.getTime()) || !Object.hasOwn(STYLES, item.dataset.time)) return;
    const text = formatter(style(item, moment)).format(moment);
    if (item.textContent !== text) item.textContent = text;
  };

  const showIn = (root) => {
    if (root.matches?.("time[data-time]")) show(root);
    for (const item of root.querySelectorAll?.("time[data-time]") ?? []) show(item);
  };

  document.addEventListener("DOMContentLoaded", () => {
    showIn(document);
    // Parts of a page are replaced while it is looked at.
    new MutationObserver((changes) => {
      for (const change of changes) for (const node of change.addedNodes) showIn(node);
    }).observe(document.body, { childList: true, subtree: true });
  });
})();
