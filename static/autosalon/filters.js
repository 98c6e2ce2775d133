/* On a narrow screen the filters start folded, so that the cars are seen first. Without scripts they stay open.
   What is chosen is answered in place: the list's own page is fetched, and its filters and cars take the place of the old
   ones. The address keeps up, so that it can be sent on and the back button works; whatever fails is an ordinary visit. */
"use strict";
(() => {
  const filters = document.querySelector("[data-filters]");
  if (!filters) return;
  if (!matchMedia("(min-width: 60rem)").matches) filters.open = false;
  const form = filters.querySelector("form");
  const start = form.action;
  let asked = null;
  let shown = location.pathname + location.search;

  const address = () => {
    const given = new URLSearchParams(new FormData(form));
    for (const [name, value] of [...given]) if (!value) given.delete(name);
    return given.size ? `${start}?${given}` : start;
  };

  const put = (page) => {
    const focused = document.activeElement?.closest?.("form") === form ? document.activeElement.name : "";
    const isFiner = form.querySelector(".finer")?.open;
    form.replaceChildren(...page.querySelector("[data-filters] form").childNodes);
    if (isFiner) form.querySelector(".finer").open = true;
    document.querySelector("#results").replaceWith(page.querySelector("#results"));
    document.title = page.title;
    if (focused) form.elements[focused]?.focus({ preventScroll: true });
  };

  const show = async (url, isNew) => {
    asked?.abort();
    asked = new AbortController();
    const mine = asked;
    document.querySelector("#results").setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(url, { signal: mine.signal, credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== asked) return;
      if (!page.querySelector("#results") || answer.redirected) throw new Error("not the list");
      put(page);
      const here = new URL(url, location.href);
      if (isNew && here.pathname + here.search !== shown) history.pushState(null, "", url);
      shown = here.pathname + here.search;
    } catch (error) {
      if (error.name !== "AbortError") location.assign(url);
    }
  };

  form.addEventListener("change", (event) => {
    if (event.target.name === "make" && form.elements.model) form.elements.model.value = "";
    show(address(), true);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show(address(), true);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("#results .pages a, #results ul.row a.chip, [data-filters] a.button");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    show(link.href, true).then(() => {
      if (link.closest(".pages")) document.querySelector("#found")?.scrollIntoView();
    });
  });
  addEventListener("popstate", () => {
    if (location.pathname + location.search !== shown) show(location.href, false);
  });
})();
