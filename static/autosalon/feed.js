/* A page with a live part: an order, the list of orders, the managers' board.
 *
 * The socket says that something happened; what the page shows always comes whole from the server, so it can never be
 * half old. It is called live only when a part shows that was asked for after the feed last vouched for all that is
 * known; until then it is shown as possibly out of date.
 */
"use strict";
(() => {
  const page = document.querySelector("[data-feed]");
  if (!page || !("WebSocket" in window)) return;

  const light = page.querySelector("[data-feed-state]");
  const voice = page.querySelector("[data-feed-voice]");
  const { socketPath, ticketPath, partPath, csrf, resumeBy, busyRefresh } = page.dataset;
  const words = page.dataset;
  const REST = Number(words.rest || 0);

  let wanted = 0; // the version of the order that the page must have reached
  let isVouched = false; // the feed knows all; the part on the page may be older
  let isLoading = false;
  let isDirty = false;
  let retryTimer = 0;

  const part = () => page.querySelector("[data-feed-part]");
  const number = (text) => Number(text || 0);

  function show(state) {
    light.dataset.state = state;
    light.textContent = words[`text${state[0].toUpperCase()}${state.slice(1)}`];
    light.hidden = false;
    part().classList.toggle("is-stale", state === "reconnecting");
  }

  async function refresh() {
    isDirty = true;
    if (isLoading) return;
    isLoading = true;
    clearTimeout(retryTimer);
    while (isDirty) {
      isDirty = false;
      await load();
      if (isDirty && REST) await new Promise((done) => setTimeout(done, REST));
    }
    isLoading = false;
  }

  async function load() {
    const wasVouched = isVouched;
    try {
      const answer = await fetch(partPath, { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(10000) });
      if (answer.status === 404 || answer.status === 401) return leave();
      if (!answer.ok) throw new Error(String(answer.status));
      if (put(await answer.text()) && wasVouched && isVouched) show("live");
    } catch {
      retryTimer = setTimeout(refresh, 2000);
    }
    return undefined;
  }

  /* Show a part; false when it is older than what is known. */
  function put(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-feed-part]");
    const old = part();
    if (!fresh) return leave();
    if (number(fresh.dataset.version) < Math.max(wanted, number(old.dataset.version))) {
      retryTimer = setTimeout(refresh, 300);
      return false;
    }
    if (fresh.dataset.stamp !== old.dataset.stamp) swap(old, fresh);
    return true;
  }

  function swap(old, fresh) {
    if (page.dispatchEvent(new CustomEvent("feed:swap", { cancelable: true })) === false) {
      retryTimer = setTimeout(refresh, 500); // the page is in the middle of something
      return;
    }
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const names = focused ? namesAround(focused) : [];
    if (fresh.dataset.status !== old.dataset.status) voice.textContent = fresh.dataset.statusText;
    fresh.classList.toggle("is-stale", old.classList.contains("is-stale"));
    old.replaceWith(fresh);
    if (fresh.dataset.title) document.title = fresh.dataset.title;
    if (focused) focusLike(focused, names);
  }

  const kindOf = ({ tagName, name, value, href }) => [tagName, name, value, href].join();

  /* The named elements around a control, the nearest first. */
  function namesAround(control) {
    const names = [];
    for (let named = control.closest("[id]"); named; named = named.parentElement?.closest("[id]")) names.push(named.id);
    return names;
  }

  /* Who works by keyboard stays at the same control; where that has gone, at what stood around it, never at another one. */
  function focusLike(control, names) {
    const [nearest, ...around] = names.map((name) => document.getElementById(name));
    const same = [...(nearest?.querySelectorAll(control.tagName) ?? [])].find((one) => kindOf(one) === kindOf(control));
    for (const target of [same, nearest, ...around]) {
      target?.focus({ preventScroll: true });
      if (target && document.activeElement === target) return;
    }
  }

  function leave() {
    feed.stop();
    location.reload();
  }

  async function ticket() {
    const answer = await fetch(ticketPath, {
      method: "POST",
      headers: { "X-CSRFToken": csrf, Accept: "application/json" },
      redirect: "error",
      signal: AbortSignal.timeout(10000),
    });
    if (answer.status === 401 || answer.status === 403) return null;
    if (!answer.ok) throw new Error(String(answer.status));
    return (await answer.json()).ticket;
  }

  const feed = new window.LiveFeed({
    socketPath,
    ticket,
    by: resumeBy,
    onNews: (message) => {
      if (message.type === "snapshot") wanted = message.order?.version ?? 0;
      refresh();
    },
    onState: (state) => {
      isVouched = state === "known";
      if (state === "known") refresh();
      else show(state === "lost" ? "reconnecting" : "connecting");
      if (state === "lost" && feed.tries > 1) refresh(); // sockets may be blocked on the way: plain requests keep it true
    },
    onRefused: leave,
  });

  // Steps inside one status (a card being charged) have no message of their own, and time passes by itself: look again.
  setInterval(() => part().dataset.busy && !document.hidden && refresh(), number(busyRefresh) || 4000);
  page.addEventListener("feed:refresh", refresh);
  feed.start();
})();
