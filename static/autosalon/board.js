/* The managers' board: steps by button, by key or by dragging, all through the same form and the same guards.
 *
 * A card is never moved by hand: the answer of the server is told, and the feed shows where the order really is.
 * Arrow keys go from card to card; Tab reaches the steps of each.
 */
"use strict";
(() => {
  const board = document.querySelector("[data-board]");
  if (!board) return;
  const notice = board.querySelector("[data-board-notice]");
  const voice = board.querySelector("[data-feed-voice]");
  const dialog = board.querySelector("[data-board-dialog]");
  let dragged = null;
  let isAsking = false;

  function tell(text, isRefusal) {
    notice.textContent = text;
    notice.className = `notice notice-${isRefusal ? "error" : "success"}`;
    notice.hidden = !isRefusal;
    if (!isRefusal) voice.textContent = text;
  }

  async function reasonFor(status) {
    if (status !== "cancelled") return "";
    isAsking = true;
    dialog.returnValue = "no";
    dialog.showModal();
    await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
    isAsking = false;
    return dialog.returnValue === "yes" ? dialog.querySelector("[name=reason]").value : null;
  }

  async function move(form, status) {
    const reason = await reasonFor(status);
    if (reason === null) return;
    const body = new FormData(form);
    body.set("status", status);
    body.set("reason", reason);
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
      if (answer.status === 401) return location.reload();
      tell((await answer.json()).detail, !answer.ok);
    } catch {
      tell(board.dataset.textLost, true);
    }
    board.dispatchEvent(new CustomEvent("feed:refresh"));
  }

  board.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-board-move]");
    if (!form) return;
    event.preventDefault();
    move(form, event.submitter.value);
  });

  // Dragging -------------------------------------------------------------------------------------------------------
  const columnOf = (event) => event.target.closest?.("[data-column]");
  const mayDrop = (column) => column && dragged && dragged.dataset.allowed.split(" ").includes(column.dataset.column);

  board.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("[data-card]");
    if (!dragged) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.card);
    for (const column of board.querySelectorAll("[data-column]")) {
      column.classList.toggle("may-drop", Boolean(mayDrop(column)));
    }
  });
  board.addEventListener("dragover", (event) => mayDrop(columnOf(event)) && event.preventDefault());
  board.addEventListener("drop", (event) => {
    const column = columnOf(event);
    if (!mayDrop(column)) return;
    event.preventDefault();
    move(dragged.querySelector("[data-board-move]"), column.dataset.column);
  });
  function letGo() {
    dragged = null;
    for (const column of board.querySelectorAll(".may-drop")) column.classList.remove("may-drop");
  }
  board.addEventListener("dragend", letGo);
  // Keys and the pointer are silent while a card is dragged: once they are heard, it is over, told or not.
  for (const sign of ["keydown", "pointermove", "pointerdown"]) document.addEventListener(sign, () => dragged && letGo(), true);
  // A card under the pointer, or a question on the screen, must not be replaced.
  const isTyping = () =>
    [...(document.activeElement?.closest("[data-board-steer]")?.querySelectorAll("input:not([type=hidden])") ?? [])].some(
      (field) => field.value,
    );
  board.addEventListener("feed:swap", (event) => (dragged || isAsking || isTyping()) && event.preventDefault());

  // Keys -----------------------------------------------------------------------------------------------------------
  const STEPS = { ArrowDown: [0, 1], ArrowUp: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] };
  board.addEventListener("keydown", (event) => {
    const card = event.target.closest("[data-card]");
    const step = STEPS[event.key];
    if (!card || !step || event.altKey || event.ctrlKey || event.metaKey) return;
    const columns = [...board.querySelectorAll(".board-strip, .board-column")].map((column) => [
      ...column.querySelectorAll("[data-card]"),
    ]);
    const x = columns.findIndex((cards) => cards.includes(card));
    const y = columns[x].indexOf(card);
    const target = step[0] ? next(columns, x, step[0])?.at(0) : columns[x][y + step[1]];
    if (!target) return;
    event.preventDefault();
    target.focus();
  });

  function next(columns, from, direction) {
    for (let x = from + direction; columns[x]; x += direction) if (columns[x].length) return columns[x];
    return null;
  }
})();
