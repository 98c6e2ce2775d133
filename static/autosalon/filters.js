/* On a narrow screen the filters start folded, so that the cars are seen first. Without scripts they stay open. */
"use strict";
(() => {
  const filters = document.querySelector("[data-filters]");
  if (filters && !matchMedia("(min-width: 60rem)").matches) filters.open = false;
})();
