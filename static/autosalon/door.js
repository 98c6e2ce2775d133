/* The door of an event: a code is sent without leaving the page, and the camera reads codes where the browser can. */
"use strict";
(() => {
  const box = document.querySelector("[data-door]");
  if (!box) return;
  const form = box.querySelector("[data-door-form]");
  const code = form.elements.code;
  const said = box.querySelector("[data-door-said]");
  const view = box.querySelector("[data-door-view]");
  const scan = box.querySelector("[data-door-scan]");
  const tell = (text, level) => {
    said.textContent = text;
    said.className = `door-said door-${level}`;
  };
  code.autocomplete = "off";
  code.autocapitalize = "characters";
  code.focus();
  const send = async () => {
    const body = new FormData(form);
    code.value = "";
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const told = await answer.json();
      tell(told.said, told.level);
      box.querySelector("[data-door-came]").textContent = told.came;
    } catch {
      tell(box.dataset.failed, "bad");
    }
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await send();
    code.focus();
  });
  if (!("BarcodeDetector" in window) || !navigator.mediaDevices?.getUserMedia) return;
  scan.hidden = false;
  let last = "";
  let lastAt = 0;
  const look = async (detector) => {
    if (view.hidden) return;
    const [found] = await detector.detect(view).catch(() => []);
    const text = found?.rawValue.trim();
    if (text && (text !== last || performance.now() - lastAt > 4000)) {
      last = text;
      lastAt = performance.now();
      code.value = text.slice(0, 40);
      await send();
    }
    setTimeout(() => look(detector), 250);
  };
  const stop = () => {
    view.srcObject?.getTracks().forEach((track) => track.stop());
    view.srcObject = null;
    view.hidden = true;
  };
  scan.addEventListener("click", async () => {
    if (!view.hidden) {
      stop();
      return;
    }
    try {
      view.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      view.hidden = false;
      await view.play();
      look(new BarcodeDetector({ formats: ["qr_code", "code_128", "code_39"] }));
    } catch {
      stop();
      tell(box.dataset.noCamera, "bad");
    }
  });
  addEventListener("pagehide", stop);
})();
