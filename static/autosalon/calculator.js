/* A slider beside each number, and a new result while something moves. Without scripts the button does the same.
 *
 * A form that is sent by GET is the calculator itself: its address follows. One that is sent by POST asks for
 * `part=result` while it is being filled in; its button still sends it.
 */
"use strict";
(() => {
  const form = document.querySelector("[data-calculator]");
  const result = document.getElementById(form?.dataset.result ?? "loan-result");
  if (!form || !result) return;
  const isKept = form.method === "post";
  let timer = 0;
  let asked = 0;

  const ask = () => {
    const data = new FormData(form);
    if (!isKept) return fetch(`${form.action}?${new URLSearchParams(data)}&part=result`, { credentials: "same-origin" });
    data.append("part", "result");
    return fetch(form.action, { method: "POST", body: data, credentials: "same-origin" });
  };

  const show = async () => {
    const turn = ++asked;
    const query = isKept ? "" : new URLSearchParams(new FormData(form));
    result.setAttribute("aria-busy", "true");
    try {
      const answer = await ask();
      const text = await answer.text();
      if (turn === asked && answer.status === 429) later(Number(answer.headers.get("Retry-After")) || 5);
      if (turn !== asked || ![200, 400].includes(answer.status)) return;
      result.innerHTML = text;
      if (!isKept) history.replaceState(null, "", `?${query}`);
    } catch {
      // Offline: the last result stays.
    } finally {
      if (turn === asked) result.removeAttribute("aria-busy");
    }
  };
  const later = (seconds) => {
    clearTimeout(timer);
    timer = setTimeout(show, seconds * 1000);
  };
  const soon = () => later(0.15);

  /* People write "1 500 000", "1,500,000" and "14,9"; a slider knows digits and a point. */
  const read = (box) => {
    const bare = box.value.replace(/[^\d.,]/g, "");
    const isGrouped = /^[1-9]\d{0,2}([.,]\d{3})+$/.test(bare);
    const number = Number(isGrouped ? bare.replace(/[.,]/g, "") : bare.replace(",", "."));
    if (/(млн|million|[мm]$)/i.test(box.value)) return number * 1e6;
    return /(тыс|thousand|[кk]$)/i.test(box.value) ? number * 1e3 : number;
  };
  const write = (box, value) => {
    const isMoney = box.dataset.money !== undefined;
    const sign = document.documentElement.lang === "ru" ? "," : ".";
    box.value = isMoney ? value.replace(/\B(?=(\d{3})+$)/g, "\u00a0") : value.replace(".", sign);
  };

  for (const box of form.querySelectorAll("[data-slider]")) {
    const slider = document.createElement("input");
    slider.type = "range";
    for (const name of ["min", "max", "step"]) slider[name] = box.dataset[name];
    slider.value = read(box);
    slider.tabIndex = -1;
    slider.setAttribute("aria-hidden", "true");
    slider.addEventListener("input", () => {
      write(box, slider.value);
      soon();
    });
    box.addEventListener("input", () => (slider.value = read(box)));
    box.after(slider);
  }
  form.addEventListener("input", soon);
  if (!isKept) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      show();
    });
    return;
  }
  const fold = form.closest("details");
  if (!fold || fold.open) show();
  else fold.addEventListener("toggle", show, { once: true });
})();
