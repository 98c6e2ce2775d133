/* A slider beside each number, and a new result while it moves. Without scripts the button does the same. */
"use strict";
(() => {
  const form = document.querySelector("[data-calculator]");
  const result = document.getElementById("loan-result");
  if (!form || !result) return;
  let timer = 0;
  let asked = 0;

  const show = async () => {
    const query = new URLSearchParams(new FormData(form));
    const turn = ++asked;
    result.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(`${form.action}?${query}&part=result`, { credentials: "same-origin" });
      const text = await answer.text();
      if (turn !== asked || ![200, 400].includes(answer.status)) return;
      result.innerHTML = text;
      history.replaceState(null, "", `?${query}`);
    } catch {
      // Offline: the last result stays.
    } finally {
      if (turn === asked) result.removeAttribute("aria-busy");
    }
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(show, 150);
  };

  for (const box of form.querySelectorAll("[data-slider]")) {
    const slider = document.createElement("input");
    slider.type = "range";
    for (const name of ["min", "max", "step"]) slider[name] = box[name];
    slider.value = box.value;
    slider.tabIndex = -1;
    slider.setAttribute("aria-hidden", "true");
    slider.addEventListener("input", () => {
      box.value = slider.value;
      soon();
    });
    box.addEventListener("input", () => (slider.value = box.value));
    box.after(slider);
  }
  form.addEventListener("input", soon);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show();
  });
})();
