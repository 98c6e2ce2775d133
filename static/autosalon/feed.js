/* The order page's live feed.
 *
 * The socket says that something happened; what the page shows always comes whole from the server, so it can never be
 * half old. Order of trust: a snapshot, then deltas that continue it without a gap; after a gap, `resync_required` or a
 * lost sequence the page asks for a new snapshot. Until one is confirmed the page says that it may be out of date.
 */
"use strict";
(() => {
  const page = document.querySelector("[data-feed]");
  if (!page || !("WebSocket" in window)) return;

  const light = page.querySelector("[data-feed-state]");
  const voice = page.querySelector("[data-feed-voice]");
  const { socketPath, ticketPath, partPath, csrf } = page.dataset;
  const words = page.dataset;
  const PING_EVERY = 20000;
  const ANSWER_WITHIN = 10000;
  const BUSY_REFRESH = 4000;

  let socket = null;
  let seq = null; // last delta applied; null asks for a snapshot
  let wanted = 0; // the version of the order that the page must have reached
  let tries = 0;
  let retryTimer = 0;
  let pingTimer = 0;
  let answerTimer = 0;
  let fetching = null;
  let isConfirmed = false;
  let isOver = false;

  const part = () => page.querySelector("[data-feed-part]");

  function show(state) {
    light.dataset.state = state;
    light.textContent = words[`text${state[0].toUpperCase()}${state.slice(1)}`];
    light.hidden = false;
    part().classList.toggle("is-stale", state === "reconnecting");
  }

  // What the page shows ------------------------------------------------------------------------------------------
  async function refresh() {
    fetching?.abort();
    const mine = (fetching = new AbortController());
    try {
      const answer = await fetch(partPath, { signal: mine.signal, cache: "no-store", redirect: "error" });
      if (answer.status === 404 || answer.status === 401) return leave();
      if (!answer.ok) throw new Error(String(answer.status));
      put(await answer.text());
    } catch (error) {
      if (error.name !== "AbortError") setTimeout(() => mine === fetching && refresh(), 2000);
    }
  }

  function put(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-feed-part]");
    const old = part();
    if (!fresh) return leave();
    if (Number(fresh.dataset.version) < Math.max(wanted, Number(old.dataset.version))) {
      setTimeout(refresh, 300);
      return;
    }
    if (fresh.dataset.stamp !== old.dataset.stamp) swap(old, fresh);
    if (isConfirmed) {
      isConfirmed = false;
      show("live");
    }
  }

  function swap(old, fresh) {
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    if (fresh.dataset.status !== old.dataset.status) voice.textContent = fresh.dataset.statusText;
    fresh.classList.toggle("is-stale", old.classList.contains("is-stale"));
    old.replaceWith(fresh);
    document.title = fresh.dataset.title;
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  function leave() {
    isOver = true;
    location.reload();
  }

  // The socket -----------------------------------------------------------------------------------------------------
  async function connect() {
    clearTimeout(retryTimer);
    drop();
    let ticket;
    try {
      const answer = await fetch(ticketPath, {
        method: "POST",
        headers: { "X-CSRFToken": csrf, Accept: "application/json" },
        redirect: "error",
      });
      if (answer.status === 401 || answer.status === 403) return leave();
      if (!answer.ok) throw new Error(String(answer.status));
      ({ ticket } = await answer.json());
    } catch {
      return lost();
    }
    const address = new URL(socketPath, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.searchParams.set("ticket", ticket);
    if (seq !== null) address.searchParams.set("since", seq);
    const opened = (socket = new WebSocket(address));
    opened.onopen = () => opened === socket && ping();
    opened.onmessage = (message) => opened === socket && receive(JSON.parse(message.data));
    opened.onclose = (event) => opened === socket && closed(event.code);
  }

  function drop() {
    clearTimeout(pingTimer);
    clearTimeout(answerTimer);
    const old = socket;
    socket = null;
    old?.close();
  }

  function receive(message) {
    switch (message.type) {
      case "snapshot":
        seq = message.seq;
        wanted = message.order?.version ?? 0;
        return confirm();
      case "order.status":
        if (seq !== null && message.seq <= seq) return undefined;
        if (seq === null || message.seq > seq + 1) return resync();
        seq = message.seq;
        return refresh();
      case "resync_required":
        seq = null;
        wanted = 0;
        isConfirmed = false;
        return show("reconnecting");
      case "pong":
        clearTimeout(answerTimer);
        pingTimer = setTimeout(ping, PING_EVERY);
        return seq === null || light.dataset.state === "live" ? undefined : confirm();
      default:
        return undefined;
    }
  }

  function confirm() {
    tries = 0;
    isConfirmed = true; // the page says "live" once it shows what the socket vouched for
    refresh();
  }

  function resync() {
    seq = null;
    isConfirmed = false;
    show("reconnecting");
    connect();
  }

  function ping() {
    socket.send('{"type":"ping"}');
    clearTimeout(answerTimer);
    answerTimer = setTimeout(lost, ANSWER_WITHIN);
  }

  function closed(code) {
    if (code === 4403 || code === 4404) return leave();
    return lost();
  }

  function lost() {
    if (isOver) return;
    isConfirmed = false;
    drop();
    show("reconnecting");
    if (tries > 1) refresh(); // sockets may be blocked on the way: plain requests keep the page true
    const ceiling = Math.min(8000, 500 * 2 ** tries);
    tries += 1;
    clearTimeout(retryTimer);
    retryTimer = setTimeout(connect, ceiling / 2 + (Math.random() * ceiling) / 2);
  }

  function hurry() {
    if (!isOver && light.dataset.state !== "live") {
      tries = 0;
      connect();
    }
  }

  addEventListener("online", hurry);
  addEventListener("offline", lost);
  document.addEventListener("visibilitychange", () => document.hidden || hurry());
  addEventListener("pagehide", () => {
    isOver = true;
    drop();
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    isOver = false;
    resync();
  });
  // Steps inside one status (a card being charged) have no message of their own: look again while they run.
  setInterval(() => part().dataset.busy && !document.hidden && refresh(), BUSY_REFRESH);

  show("connecting");
  connect();
})();
