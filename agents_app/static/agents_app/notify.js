// The title of the page counts what waits for this person; the browser says what is new, if it may. Beside the inbox,
// which goes on by itself (admin.js), it asks nothing while that is looked at.
"use strict";
(() => {
  const PAUSE = 15000;
  const KEY = "agents_app.notified";

  const watch = (place) => {
    const button = place.querySelector("[data-notify-allow]");
    const title = document.title;
    const inbox = document.querySelector("[data-inbox]");
    const can = "Notification" in window;
    let timer = 0;

    const offer = () => {
      if (button) button.hidden = !can || Notification.permission !== "default";
    };

    // Each request is told once per browser, however many pages are open.
    const tell = (request) => {
      if (!can || Notification.permission !== "granted" || !document.hidden) return;
      if (localStorage.getItem(KEY) === request.id) return;
      localStorage.setItem(KEY, request.id);
      const shown = new Notification(place.dataset.notifyTitle, { body: request.text, tag: `agents_app-${request.id}` });
      shown.addEventListener("click", () => {
        window.focus();
        location.assign(request.url);
      });
    };

    const count = (text) => {
      document.title = text && text !== "0" ? `(${text}) ${title}` : title;
    };

    const look = async () => {
      clearTimeout(timer);
      try {
        const answer = await fetch(place.dataset.notify, { headers: { Accept: "application/json" }, redirect: "manual" });
        if (answer.type === "opaqueredirect" || answer.status === 403 || answer.status === 404) return;
        if (answer.ok) {
          const told = await answer.json();
          count(`${told.count}${told.more ? "+" : ""}`);
          if (told.newest) tell(told.newest);
        }
      } catch {
        // The next look may get through.
      }
      if (!inbox) timer = setTimeout(look, PAUSE);
    };

    const seen = () => count(document.querySelector("[data-mine]")?.textContent.trim());

    if (button) {
      button.addEventListener("click", async () => {
        await Notification.requestPermission();
        offer();
      });
    }
    offer();
    if (inbox) {
      document.addEventListener("agents_app:unseen", look);
      document.addEventListener("agents_app:seen", seen);
      seen();
      return;
    }
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) look();
    });
    look();
  };

  for (const place of document.querySelectorAll("[data-notify]")) watch(place);
})();
