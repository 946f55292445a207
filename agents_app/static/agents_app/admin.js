// The admin's pages work without this file. With it a run's page goes on by itself, and forms say what they will do.
"use strict";

(() => {
  const POLL = 1500; // milliseconds between two looks while nothing tells us of news
  const POLL_ENDED = 15000; // an ended run can still be retried, or an outcome settled
  const POLL_BESIDE_SOCKET = 15000;
  const GATHER = 120; // news that come together are fetched together

  // Put new HTML in a part. Elements with a data-key stay where nothing about them has changed, so that what
  // somebody has folded open, selected or scrolled to stays too.
  const baseline = new WeakMap();

  const remember = (root) => {
    baseline.set(root, root.innerHTML);
    for (const item of root.querySelectorAll("[data-key]")) baseline.set(item, item.outerHTML);
  };

  const opened = (root) =>
    new Set([...root.querySelectorAll("details[data-key][open]")].map((item) => item.dataset.key));

  const open = (root, keys) => {
    for (const item of root.querySelectorAll("details[data-key]")) if (keys.has(item.dataset.key)) item.open = true;
  };

  const replaceItem = (old, fresh, keys) => {
    const html = fresh.outerHTML;
    if (baseline.get(old) === html) return old;
    baseline.set(fresh, html);
    open(fresh, keys);
    if (old) old.replaceWith(fresh);
    return fresh;
  };

  const replaceList = (list, fresh, keys) => {
    const known = new Map([...list.children].map((item) => [item.dataset.key, item]));
    let place = null;
    for (const item of [...fresh.children]) {
      const isNew = !known.has(item.dataset.key);
      const kept = replaceItem(known.get(item.dataset.key), item, keys);
      known.delete(item.dataset.key);
      if (isNew) kept.classList.add("aa-new");
      if (place ? place.nextSibling !== kept : list.firstChild !== kept) {
        if (place) place.after(kept);
        else list.prepend(kept);
      }
      place = kept;
    }
    for (const gone of known.values()) gone.remove();
  };

  const replacePart = (part, html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    const fresh = document.createElement("div");
    fresh.append(template.content);
    if (baseline.get(part) === fresh.innerHTML) return;
    const whole = fresh.innerHTML;
    const keys = opened(part);
    const list = part.querySelector("ol.aa-timeline");
    const freshList = fresh.querySelector("ol.aa-timeline");
    if (list && freshList) {
      replaceList(list, freshList, keys);
    } else {
      const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("formaction");
      part.replaceChildren(...fresh.childNodes);
      open(part, keys);
      if (focused) part.querySelector(`[formaction="${CSS.escape(focused)}"]`)?.focus();
    }
    baseline.set(part, whole);
  };

  const live = (page) => {
    const state = page.querySelector("[data-live-state]");
    let known = page.dataset.known;
    let ended = "ended" in page.dataset;
    let timer = 0;
    let fetching = false;
    let again = false;
    let connected = false;
    let gathering = false;

    for (const part of page.querySelectorAll("[data-part]")) remember(part);

    const say = (text) => {
      if (!state || text === undefined || state.textContent === text) return;
      state.textContent = text;
      state.hidden = !text;
    };

    const later = (milliseconds) => {
      clearTimeout(timer);
      timer = setTimeout(look, milliseconds);
    };

    const pause = () => (connected ? POLL_BESIDE_SOCKET : ended ? POLL_ENDED : POLL);

    // News that come together are fetched together; a stream of them does not put the fetch off for ever.
    const gather = () => {
      if (fetching) again = true;
      else if (!gathering) {
        gathering = true;
        later(GATHER);
      }
    };

    // What hides in a text, or turns its order around, is named in its place. Joiners belong to emoji and some scripts.
    const HIDING = /[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
    const JOINED = /(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f|\p{M}|\p{Lo})$/u;
    const named = (sign, place, text) => {
      if ("\t\n\r\ufe0e\ufe0f".includes(sign)) return sign;
      if ("\u200c\u200d".includes(sign) && JOINED.test(text.slice(0, place))) return sign;
      return `⟨U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
    };

    // What the LLM is writing is shown as it comes. It is not the record: the next news replace it.
    const write = (piece) => {
      const place = page.querySelector(`[data-writing="${piece.step}.${piece.attempt}"]`);
      if (!place) return;
      const end = Number(place.dataset.end);
      if (piece.index < end && piece.index > 0) return;
      if (piece.index === 0) place.textContent = "";
      const text = piece.text.replace(HIDING, named);
      place.append(piece.index > end ? ` … ${text}` : text);
      place.dataset.end = String(piece.index + [...piece.text].length);
      place.hidden = false;
    };

    const look = async () => {
      gathering = false;
      if (document.hidden) return;
      if (fetching) {
        again = true;
        return;
      }
      fetching = true;
      again = false;
      let wait = pause();
      try {
        const address = `${page.dataset.live}?known=${encodeURIComponent(known)}`;
        const answer = await fetch(address, { headers: { Accept: "application/json" }, redirect: "manual" });
        if (answer.type === "opaqueredirect" || answer.status === 403 || answer.status === 404) {
          say(state?.dataset.wordsGone);
          return;
        }
        if (!answer.ok) throw new Error(String(answer.status));
        const news = await answer.json();
        for (const [name, html] of Object.entries(news.parts)) {
          const part = page.querySelector(`[data-part="${name}"]`);
          if (part) replacePart(part, html);
        }
        known = news.known;
        ended = news.ended;
        for (const form of page.querySelectorAll("form.aa-commands")) {
          form.toggleAttribute("data-empty", !form.querySelector("button"));
        }
        say("");
        wait = again ? GATHER : pause();
      } catch {
        say(state?.dataset.wordsLost);
        wait = 4 * POLL;
      } finally {
        fetching = false;
        later(wait);
      }
    };

    const listen = () => {
      if (!page.dataset.socket || !("WebSocket" in window)) return;
      const scheme = location.protocol === "https:" ? "wss:" : "ws:";
      let socket;
      try {
        socket = new WebSocket(`${scheme}//${location.host}${page.dataset.socket}?after=${page.dataset.version}`);
      } catch {
        return;
      }
      let told = false;
      socket.addEventListener("open", () => {
        connected = true;
      });
      socket.addEventListener("message", (message) => {
        told = true;
        const frame = JSON.parse(message.data);
        if (frame.type === "delta") write(frame);
        else gather();
      });
      socket.addEventListener("close", () => {
        const was = connected;
        connected = false;
        later(POLL);
        // A socket that worked is opened again; one that never did is not there.
        if (was && told) setTimeout(listen, 4 * POLL);
      });
    };

    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) later(0);
    });
    later(ended ? POLL_ENDED : POLL);
    listen();
  };

  // The form of a decision says what has been changed before it is sent.
  const decide = (form) => {
    const button = form.querySelector("[data-approve]");
    const summary = form.querySelector("[data-changes]");
    const value = (input) => (input.type === "checkbox" ? String(input.checked) : input.value);
    const fields = [...form.querySelectorAll("[data-argument]")].map((box) => {
      const input = box.querySelector("input, select, textarea");
      const before = box.querySelector("[data-before]");
      // What the server calls changed was typed before: it is compared with the value that is stored.
      const stored = before && !before.hidden ? before.querySelector("del").textContent : null;
      const amounts = box.querySelector("[data-amounts]"); // of the value as it is stored
      return { input, before, amounts, label: box.dataset.label, first: stored ?? (input && value(input)) };
    });
    const show = () => {
      let count = 0;
      const names = [];
      for (const field of fields) {
        if (!field.input) continue;
        const differs = value(field.input) !== field.first;
        if (field.before) field.before.hidden = !differs;
        if (field.amounts) field.amounts.hidden = differs;
        if (differs) {
          count += 1;
          names.push(field.label);
        }
      }
      // Who may not approve, as the one who asked under four eyes, has no such button.
      if (button) button.textContent = count ? form.dataset.wordsChanged : form.dataset.wordsApprove;
      summary.textContent = names.join(", ");
    };
    form.addEventListener("input", show);
    show();
  };

  // A second click sends nothing. The pressed button is disabled after the browser has taken its name along.
  const once = (form) => {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "1";
      setTimeout(() => {
        for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = true;
      });
    });
    window.addEventListener("pageshow", (event) => {
      if (!event.persisted) return;
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("button[type=submit]:not([hidden])")) button.disabled = false;
    });
  };

  // The inbox goes on by itself: rows come and go, and what somebody has marked or stands on stays.
  const rowKey = (row) => row.querySelector('a[href*="/approvalrequest/"]')?.pathname;

  const mergeRows = (body, fresh) => {
    const known = new Map([...body.rows].map((row) => [rowKey(row), row]));
    const focused = document.activeElement?.closest?.("#result_list tr");
    const key = focused && rowKey(focused);
    const top = focused?.getBoundingClientRect().top;
    const rows = [...fresh.rows].map((row) => {
      const old = known.get(rowKey(row));
      if (!old) {
        row.classList.add("aa-new");
        return row;
      }
      for (const [place, cell] of [...row.cells].entries()) {
        const before = old.cells[place];
        if (before && !before.querySelector("input") && before.innerHTML !== cell.innerHTML) {
          if (before.contains(document.activeElement)) continue;
          before.innerHTML = cell.innerHTML;
        }
      }
      return old;
    });
    for (const row of [...body.rows]) if (!rows.includes(row)) row.remove();
    for (const [place, row] of rows.entries()) {
      if (body.rows[place] !== row) body.insertBefore(row, body.rows[place] ?? null);
    }
    const now = rows.find((row) => rowKey(row) === key);
    if (!now) return;
    if (!now.contains(document.activeElement)) now.querySelector("a")?.focus({ preventScroll: true });
    window.scrollBy(0, now.getBoundingClientRect().top - top);
  };

  // Django's own script counts the rows that were there when the page was opened: here all count that are there now.
  const boxes = () => [...document.querySelectorAll("#result_list tbody input.action-select")];

  const recount = () => {
    const counter = document.querySelector("span.action-counter");
    if (!counter || !window.interpolate || !window.ngettext) return;
    const all = boxes();
    const sel = all.filter((box) => box.checked).length;
    counter.dataset.actionsIcnt = String(all.length);
    const words = window.ngettext("%(sel)s of %(cnt)s selected", "%(sel)s of %(cnt)s selected", sel);
    counter.textContent = window.interpolate(words, { sel, cnt: all.length }, true);
    const toggle = document.querySelector("#action-toggle");
    if (toggle) toggle.checked = all.length > 0 && sel === all.length;
  };

  const counting = () => {
    document.addEventListener("change", (event) => {
      if (event.target.matches?.("#result_list input.action-select")) {
        event.target.closest("tr").classList.toggle("selected", event.target.checked);
        recount();
      }
    });
    document.addEventListener("click", (event) => {
      if (event.target.id !== "action-toggle") return;
      for (const box of boxes()) {
        box.checked = event.target.checked;
        box.closest("tr").classList.toggle("selected", box.checked);
      }
      recount();
    });
  };

  // What else on the page counts rows: tabs, pages, the results of a search, the filters' own numbers.
  const COUNTS = [
    "#changelist .paginator",
    ".aa-count",
    "#changelist .actions .question a",
    "#changelist .actions .all",
    "#changelist-filter li",
  ];

  const replaceCounts = (page) => {
    for (const selector of COUNTS) {
      const items = [...document.querySelectorAll(selector)];
      const fresh = [...page.querySelectorAll(selector)];
      if (items.length !== fresh.length) continue;
      items.forEach((item, index) => {
        if (item.innerHTML === fresh[index].innerHTML || item.contains(document.activeElement)) return;
        item.innerHTML = fresh[index].innerHTML;
      });
    }
    const found = document.querySelector("#changelist-search .quiet");
    const now = page.querySelector("#changelist-search .quiet");
    if (found && now) found.innerHTML = now.innerHTML;
    else if (found) found.remove();
    else if (now) document.querySelector("#changelist-search [type=submit]")?.after(document.importNode(now, true));
  };

  const inbox = (place) => {
    counting();
    let timer = 0;
    let fetching = false;
    let connected = false;
    const later = (milliseconds) => {
      clearTimeout(timer);
      timer = setTimeout(look, milliseconds);
    };
    // The one who polls on this page: `notify.js` counts what this has seen, and is asked while nobody looks.
    const tell = (name) => document.dispatchEvent(new CustomEvent(`agents_app:${name}`));
    const look = async () => {
      if (document.hidden) tell("unseen");
      if (document.hidden || fetching) return later(POLL_BESIDE_SOCKET);
      fetching = true;
      try {
        const answer = await fetch(location.href, { redirect: "manual" });
        if (answer.type === "opaqueredirect" || answer.status === 403) return undefined;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const body = document.querySelector("#result_list tbody");
        const fresh = page.querySelector("#result_list tbody");
        if (body && fresh) {
          mergeRows(body, document.importNode(fresh, true));
        } else if (Boolean(body) !== Boolean(fresh)) {
          const form = page.querySelector("#changelist-form");
          if (form) document.querySelector("#changelist-form")?.replaceWith(document.importNode(form, true));
        }
        replaceCounts(page);
        recount();
        tell("seen");
      } catch {
        // The next look will tell.
      } finally {
        fetching = false;
      }
      return later(connected ? POLL_BESIDE_SOCKET : 4 * POLL);
    };
    const listen = () => {
      if (!place.dataset.socket || !("WebSocket" in window)) return;
      const scheme = location.protocol === "https:" ? "wss:" : "ws:";
      const socket = new WebSocket(`${scheme}//${location.host}${place.dataset.socket}`);
      let told = false;
      socket.addEventListener("message", () => {
        told = connected = true;
        later(4 * GATHER);
      });
      socket.addEventListener("close", () => {
        connected = false;
        if (told) setTimeout(listen, 4 * POLL);
      });
    };
    document.addEventListener("visibilitychange", () => document.hidden || later(0));
    later(4 * POLL);
    listen();
  };

  // Single keys, for who decides many. None of them decides: they move, open, and stand on the right button.
  const typing = (element) => element?.closest?.("input:not([type=checkbox]), select, textarea, dialog, [contenteditable]");

  const moved = (by) => {
    const links = [...document.querySelectorAll("#result_list tbody tr")].map((row) => row.querySelector("a"));
    const at = links.findIndex((link) => link?.closest("tr").contains(document.activeElement));
    const next = links[at < 0 ? 0 : Math.min(Math.max(at + by, 0), links.length - 1)];
    next?.focus();
    next?.closest("tr").scrollIntoView({ block: "nearest" });
  };

  const marked = () => document.activeElement?.closest?.("#result_list tr")?.querySelector("input.action-select")?.click();

  const KEYS = "jkxare";

  const ACTS = { a: "[data-approve]", r: "#aa-reason", e: "[data-argument] :is(input, select, textarea)" };

  const act = (letter) => {
    const form = document.querySelector("form[data-decide]");
    if (form) {
      const field = form.querySelector(ACTS[letter]);
      field?.focus();
      field?.scrollIntoView({ block: "center" });
      return;
    }
    const link = document.activeElement?.closest?.("#result_list tr")?.querySelector("a");
    if (link) location.assign(`${link.href}#${letter}`);
  };

  const keys = (dialog) => {
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !(event.key === "?" || KEYS.includes(event.key))) return;
      // A key that the list of keys names is obeyed while it is open, too: the list closes, and nothing is lost.
      const listed = dialog.open;
      if (listed) {
        // Left on a button of the list, the focus stays there where no frame was drawn since it opened (Chromium).
        document.activeElement?.blur();
        dialog.close();
      } else if (typing(event.target)) return;
      if (event.key === "?") listed || dialog.showModal();
      else if (event.key === "j" || event.key === "k") moved(event.key === "j" ? 1 : -1);
      else if (event.key === "x") marked();
      else if (Object.hasOwn(ACTS, event.key)) act(event.key);
      else return;
      event.preventDefault();
    });
    if (Object.hasOwn(ACTS, location.hash.slice(1))) act(location.hash.slice(1));
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const place of document.querySelectorAll("[data-inbox]")) inbox(place);
    for (const dialog of document.querySelectorAll("[data-keys]")) keys(dialog);
    for (const page of document.querySelectorAll("[data-live]")) live(page);
    for (const form of document.querySelectorAll("form[data-decide]")) decide(form);
    for (const form of document.querySelectorAll("form[data-once]")) once(form);
  });
})();
