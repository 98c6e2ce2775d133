/* The shop as an app: a page for when there is no network, and how much is in the cart and unread, in the header. */
"use strict";
(() => {
  navigator.serviceWorker?.register("/service-worker.js").catch(() => {});
  const header = document.querySelector("[data-badges]");
  if (!header) return;
  fetch(header.dataset.badges, { credentials: "same-origin" })
    .then((answer) => (answer.ok ? answer.json() : {}))
    .then((counts) => {
      for (const place of document.querySelectorAll("[data-badge]")) {
        const count = counts[place.dataset.badge] || 0;
        place.querySelector("[data-count]").textContent = count > 99 ? "99+" : String(count);
        place.hidden = !count;
      }
    })
    .catch(() => {});
})();
