// Values of several parts (objects, lists) are edited part by part. Without scripts they are JSON text, and what is sent
// is that text in any case: the server stays the judge.
"use strict";
(() => {
  const LANGUAGES = ["en", "de", "es", "it"];

  // The part that an error is about. Names of types in a union's path are no parts: the longest path that is there counts.
  const partOf = (place, path) => {
    const steps = path.map((step) => step.replaceAll("~", "~0").replaceAll("/", "~1"));
    const known = new Map([...place.querySelectorAll("[data-path]")].map((part) => [part.dataset.path, part]));
    let found = "#";
    for (const step of steps) if (known.has(`${found}/${step}`)) found = `${found}/${step}`;
    return found === "#" ? null : known.get(found);
  };

  // An error stands at its part once, and no more in the list below, which is for those without scripts.
  const point = (place, area, name) => {
    const lists = area.closest(".aa-field")?.querySelectorAll(".errorlist") ?? [];
    const lines = [...lists].flatMap((list) => [...list.children]);
    for (const [number, error] of JSON.parse(area.dataset.errors ?? "[]").entries()) {
      const part = partOf(place, error.path);
      if (!part) continue;
      lines.find((line) => line.textContent === error.text)?.remove();
      const there = [...part.querySelectorAll(":scope > .aa-inner-error")];
      if (there.some((told) => told.textContent === error.message)) continue;
      const told = document.createElement("p");
      told.className = "aa-inner-error";
      told.id = `${name}-error-${number}`;
      told.textContent = error.message;
      part.append(told);
      const input = part.querySelector("input, select, textarea");
      input?.setAttribute("aria-invalid", "true");
      input?.setAttribute("aria-describedby", told.id);
    }
    for (const list of lists) if (!list.children.length) list.remove();
  };

  const upgrade = (area, number) => {
    const place = document.createElement("div");
    const name = `aa-editor-${number}`;
    const label = document.querySelector(`label[for="${CSS.escape(area.id)}"]`);
    let value;
    try {
      value = area.value.trim() ? JSON.parse(area.value) : null;
    } catch {
      return; // what was typed is no JSON: it is mended as text
    }
    place.className = "aa-editor";
    const language = document.documentElement.lang.slice(0, 2);
    let editor;
    try {
      editor = new window.Jedison.Create({
        container: place,
        theme: new window.Jedison.Theme(),
        schema: JSON.parse(area.dataset.schema),
        data: value,
        id: name,
        language: LANGUAGES.includes(language) ? language : "en",
        btnIcons: false,
        objectAdd: false,
        arrayDeleteConfirm: false,
        purifyHtml: false,
        purifyData: false,
      });
    } catch {
      return;
    }
    place.setAttribute("role", "group");
    if (label) {
      label.id ||= `${name}-label`;
      place.setAttribute("aria-labelledby", label.id);
      label.addEventListener("click", () => place.querySelector("input, select, textarea")?.focus());
    }
    area.after(place);
    area.hidden = true;
    area.dataset.upgraded = "1";
    point(place, area, name);
    // Nothing is written before somebody changes something: what nobody touched stays as it is stored.
    let touched = false;
    const touch = () => {
      touched = true;
    };
    for (const kind of ["input", "change", "click"]) place.addEventListener(kind, touch, { capture: true });
    editor.on("change", () => {
      if (!touched) return;
      area.value = JSON.stringify(editor.getValue(), null, 2);
      area.dispatchEvent(new Event("input", { bubbles: true }));
    });
    area.form?.addEventListener("formdata", (event) => {
      for (const field of place.querySelectorAll("[name]")) event.formData.delete(field.name);
    });
  };

  document.addEventListener("DOMContentLoaded", () => {
    if (!window.Jedison) return;
    [...document.querySelectorAll("textarea[data-schema]")].forEach(upgrade);
  });
})();
