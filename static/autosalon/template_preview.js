// Shows the words of a paper with test data while they are written, or the line of a mistake.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const shown = document.getElementById("template-preview");
  const text = document.getElementById("id_text");
  if (!shown || !text) return;
  const kind = document.getElementById("id_kind");
  let timer = 0;
  let latest = 0;

  async function show() {
    const mine = ++latest;
    const body = new FormData();
    body.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
    body.set("kind", kind ? kind.value : shown.dataset.kind);
    body.set("text", text.value);
    const answer = await fetch(shown.dataset.url, { method: "POST", body });
    if (!answer.ok || mine !== latest) return;
    const told = await answer.json();
    if (told.error) shown.textContent = told.error;
    else shown.innerHTML = told.html; // made by the server, which escapes all that was written
  }

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(show, 400);
  };
  text.addEventListener("input", soon);
  if (kind) kind.addEventListener("change", soon);
});
