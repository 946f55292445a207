// Follows a run: the websocket says that there is news, the page's part is read anew. Without a websocket it is read
// every few seconds.
"use strict";

const POLL_SECONDS = 2;
const RECONNECT_SECONDS = 5;
const REFUSED = [4401, 4403, 4404];
const place = document.getElementById("run");
let socket = null;
let reading = false;
let again = false;

function current() {
  return place.querySelector(".conversation");
}

function ended() {
  return current().dataset.ended === "true";
}

// An answer that is being written stays as it is.
function keepForms(fresh) {
  for (const form of place.querySelectorAll("form[id^=answer-]")) {
    const successor = fresh.querySelector(`#${CSS.escape(form.id)}`);
    if (successor) successor.replaceWith(form);
  }
}

function show(html) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  const next = fresh.content.querySelector(".conversation");
  if (!next || Number(next.dataset.version) <= Number(current().dataset.version)) return;
  const focused = document.activeElement;
  const selection = focused && place.contains(focused) ? [focused.selectionStart, focused.selectionEnd] : null;
  keepForms(next);
  current().replaceWith(next);
  if (selection && place.contains(focused)) {
    focused.focus({ preventScroll: true });
    if (selection[0] !== null && focused.setSelectionRange) focused.setSelectionRange(...selection);
  }
  document.title = document.title.replace(/^[^–]*/, `${next.dataset.status} `);
  next.querySelector(".entries").lastElementChild.scrollIntoView({ block: "nearest", behavior: "smooth" });
}

async function read() {
  if (reading) {
    again = true;
    return;
  }
  reading = true;
  try {
    do {
      again = false;
      const response = await fetch(place.dataset.fragment);
      if (response.redirected) window.location.reload();
      if (response.ok) show(await response.text());
    } while (again);
  } finally {
    reading = false;
  }
}

// What the LLM is writing right now; the recorded text takes its place.
function write(frame) {
  const typing = place.querySelector(".typing");
  if (!typing || typeof frame.text !== "string") return;
  let line = typing.querySelector(".partial");
  if (!line) {
    typing.replaceChildren();
    line = typing.appendChild(document.createElement("span"));
    line.className = "partial";
  }
  const key = `${frame.step}.${frame.attempt}`;
  if (line.dataset.key !== key || frame.index === 0) line.textContent = "";
  line.dataset.key = key;
  line.textContent += frame.text;
}

function connect() {
  if (ended()) return;
  const scheme = window.location.protocol === "https:" ? "wss" : "ws";
  const after = current().dataset.version;
  socket = new WebSocket(`${scheme}://${window.location.host}/ws/runs/${place.dataset.run}/?after=${after}`);
  socket.addEventListener("open", () => read().catch(() => {}));
  socket.addEventListener("message", (message) => {
    const frame = JSON.parse(message.data);
    if (frame.type === "event") read().catch(() => {});
    if (frame.type === "delta") write(frame);
  });
  socket.addEventListener("close", (close) => {
    socket = null;
    if (!REFUSED.includes(close.code)) setTimeout(connect, RECONNECT_SECONDS * 1000);
  });
}

// One submission per click.
place.addEventListener("submit", (event) => {
  const button = event.target.querySelector("button");
  setTimeout(() => { button.disabled = true; }, 0);
});

connect();
setInterval(() => {
  const live = socket && socket.readyState === WebSocket.OPEN;
  if (!live && !ended() && !document.hidden) read().catch(() => {});
}, POLL_SECONDS * 1000);
