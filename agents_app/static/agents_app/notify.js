// The title of the page counts what waits for this person; the browser says what is new, if it may.
"use strict";
(() => {
  const PAUSE = 15000;
  const KEY = "agents_app.notified";

  const watch = (place) => {
    const button = place.querySelector("[data-notify-allow]");
    const title = document.title;
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

    const look = async () => {
      clearTimeout(timer);
      try {
        const answer = await fetch(place.dataset.notify, { headers: { Accept: "application/json" }, redirect: "manual" });
        if (answer.type === "opaqueredirect" || answer.status === 403 || answer.status === 404) return;
        if (answer.ok) {
          const told = await answer.json();
          document.title = told.count ? `(${told.count}${told.more ? "+" : ""}) ${title}` : title;
          if (told.newest) tell(told.newest);
        }
      } catch {
        // The next look may get through.
      }
      timer = setTimeout(look, PAUSE);
    };

    if (button) {
      button.addEventListener("click", async () => {
        await Notification.requestPermission();
        offer();
      });
    }
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) look();
    });
    offer();
    look();
  };

  for (const place of document.querySelectorAll("[data-notify]")) watch(place);
})();
