/* Photographs of a product: sent one by one with their progress, and put in order by drag; without it plain forms do. */
"use strict";
(() => {
  const form = document.querySelector("[data-photos]");
  if (!form) return;
  const queue = form.querySelector("[data-photos-queue]");
  const said = form.querySelector("[data-photos-said]");
  const button = form.querySelector("[data-photos-send]");
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const waiting = [];
  let busy = false;
  let hasFailed = false;

  const line = (name) => {
    const item = document.createElement("li");
    const title = document.createElement("span");
    const bar = document.createElement("progress");
    const state = document.createElement("span");
    title.textContent = name;
    bar.max = 100;
    bar.value = 0;
    bar.setAttribute("aria-label", name);
    state.textContent = form.dataset.waits;
    item.append(title, bar, state);
    queue.append(item);
    return { bar, state };
  };
  const refuse = (shown, text) => {
    hasFailed = true;
    shown.bar.value = 0;
    shown.state.textContent = text;
    shown.state.className = "screen-bad";
  };
  const send = (file, shown) =>
    new Promise((done) => {
      const body = new FormData();
      body.append("csrfmiddlewaretoken", token);
      body.append("photos", file, file.name);
      const request = new XMLHttpRequest();
      request.open("POST", form.action);
      request.setRequestHeader("Accept", "application/json");
      request.upload.onprogress = (event) => {
        if (event.lengthComputable) shown.bar.value = (100 * event.loaded) / event.total;
      };
      request.onload = () => {
        let answer = {};
        try {
          answer = JSON.parse(request.responseText);
        } catch {
          // A page instead of an answer: signed out, or the file was too large for the server.
        }
        if (request.status === 201 && !answer.refused.length) {
          shown.bar.value = 100;
          shown.state.textContent = form.dataset.done;
        } else refuse(shown, (answer.refused || []).join(" ") || form.dataset.failed);
        done();
      };
      request.onerror = () => {
        refuse(shown, form.dataset.failed);
        done();
      };
      shown.state.textContent = form.dataset.sending;
      request.send(body);
    });
  const work = async () => {
    if (busy) return;
    busy = true;
    while (waiting.length) await send(...waiting.shift());
    busy = false;
    if (!hasFailed) {
      location.assign(form.action);
      return;
    }
    const link = document.createElement("a");
    link.href = form.action;
    link.className = "screen-link";
    link.textContent = form.dataset.again;
    said.replaceChildren(link);
  };
  const take = (files) => {
    for (const file of files) waiting.push([file, line(file.name)]);
    if (waiting.length) work();
  };

  for (const input of form.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => {
      take([...input.files]);
      input.value = "";
    });
  }
  button.hidden = true;
  form.querySelector("[data-photos-hint]").hidden = false;
  form.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    form.classList.add("photo-over");
  });
  form.addEventListener("dragleave", () => form.classList.remove("photo-over"));
  form.addEventListener("drop", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    form.classList.remove("photo-over");
    take([...event.dataTransfer.files]);
  });

  const ordering = document.querySelector("[data-photos-order]");
  if (!ordering) return;
  let held = null;
  for (const item of ordering.querySelectorAll("[data-photo]")) {
    item.draggable = true;
    item.addEventListener("dragstart", (event) => {
      held = item;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", item.dataset.photo);
    });
    item.addEventListener("dragover", (event) => {
      if (!held || held === item) return;
      event.preventDefault();
      const isBehind = held.compareDocumentPosition(item) & Node.DOCUMENT_POSITION_FOLLOWING;
      if (isBehind) item.after(held);
      else item.before(held);
    });
    item.addEventListener("drop", (event) => event.preventDefault());
    item.addEventListener("dragend", async () => {
      held = null;
      const body = new FormData();
      body.append("csrfmiddlewaretoken", token);
      body.append("do", "order");
      for (const each of ordering.querySelectorAll("[data-photo]")) body.append("image", each.dataset.photo);
      try {
        const answer = await fetch(ordering.action, { method: "POST", body, headers: { Accept: "application/json" } });
        if (!answer.ok) throw new Error(String(answer.status));
      } catch {
        // What stands there now is not what was saved: the page below shows which.
      }
      location.assign(form.action);
    });
  }
})();
