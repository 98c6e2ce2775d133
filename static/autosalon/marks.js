/* Codes of marking: a scanner types the separator of a code as Ctrl+], which a browser would not write into the box. */
"use strict";
(() => {
  const SEPARATOR = "\u001d";
  for (const box of document.querySelectorAll("[data-mark]")) {
    box.addEventListener("keydown", (event) => {
      const isSeparator = event.key === SEPARATOR || (event.ctrlKey && (event.key === "]" || event.code === "BracketRight"));
      if (!isSeparator) return;
      event.preventDefault();
      box.setRangeText(SEPARATOR, box.selectionStart, box.selectionEnd, "end");
    });
    if (box.autofocus) box.select();
  }
})();
