/* An import that is under way: its bar moves every second, and the page is read anew when it has ended. */
"use strict";
(() => {
  const box = document.querySelector("[data-import]");
  if (!box) return;
  const bar = box.querySelector("[data-import-bar]");
  const status = box.querySelector("[data-import-status]");
  let pause = 1000;
  const look = async () => {
    try {
      const answer = await fetch(box.dataset.import, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const now = await answer.json();
      bar.value = now.progress;
      status.textContent = now.status;
      if (!now.is_open) {
        location.reload();
        return;
      }
      pause = 1000;
    } catch {
      pause = Math.min(pause * 2, 30000);
    }
    setTimeout(look, pause);
  };
  setTimeout(look, pause);
})();
