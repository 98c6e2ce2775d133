/* Pictures of a car: stepped through by buttons, keys and swipe, and enlarged over the whole screen. Without it the strip
   is scrolled and each picture is a link to its file. */
"use strict";
(() => {
  const gallery = document.querySelector("[data-gallery]");
  if (!gallery || !HTMLDialogElement.prototype.showModal) return;
  const strip = gallery.querySelector("[data-gallery-strip]");
  const links = [...strip.querySelectorAll("a")];
  const thumbs = [...gallery.querySelectorAll("[data-gallery-thumbs] a")];
  const dialog = gallery.querySelector("[data-gallery-dialog]");
  const stage = dialog.querySelector("[data-gallery-stage]");
  const said = dialog.querySelector("[data-gallery-said]");
  const NEAREST = 4;
  const SWIPE_PX = 45;
  const STILL_PX = 6;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let at = 0;
  let zoom = 1;

  const mark = (number) => {
    at = number;
    thumbs.forEach((thumb, index) => {
      if (index === number) thumb.setAttribute("aria-current", "true");
      else thumb.removeAttribute("aria-current");
    });
    for (const button of gallery.querySelectorAll("[data-gallery-step]")) {
      const next = number + Number(button.dataset.galleryStep);
      button.disabled = next < 0 || next >= links.length;
    }
  };
  const scrollTo = (number) => {
    const behavior = calm.matches || dialog.open ? "instant" : "smooth";
    strip.scrollTo({ left: links[number].parentElement.offsetLeft - strip.offsetLeft, behavior });
  };
  const magnify = (wanted, x = 0.5, y = 0.5) => {
    const image = stage.querySelector("img");
    zoom = Math.min(Math.max(wanted, 1), NEAREST);
    if (zoom > 1 && !image.dataset.whole) {
      for (const source of stage.querySelectorAll("source")) source.remove();
      image.dataset.whole = "yes";
      image.src = links[at].href;
    }
    stage.classList.toggle("is-zoomed", zoom > 1);
    stage.style.setProperty("--zoom", zoom);
    stage.scrollTo((stage.scrollWidth - stage.clientWidth) * x, (stage.scrollHeight - stage.clientHeight) * y);
    for (const button of dialog.querySelectorAll("[data-gallery-zoom]"))
      button.disabled = button.dataset.galleryZoom === "1" ? zoom >= NEAREST : zoom <= 1;
  };
  const show = () => {
    const picture = links[at].querySelector("picture").cloneNode(true);
    for (const source of picture.querySelectorAll("source")) source.sizes = "100vw";
    const image = picture.querySelector("img");
    image.removeAttribute("loading");
    image.draggable = false;
    stage.replaceChildren(picture);
    said.textContent = said.dataset.words.replace("{number}", at + 1).replace("{total}", links.length);
    magnify(1);
  };
  const go = (number) => {
    if (number < 0 || number >= links.length) return;
    const focused = document.activeElement;
    mark(number);
    scrollTo(number);
    if (!dialog.open) return;
    show();
    if (focused.disabled) stage.focus();
  };
  const step = (event) => {
    const steps = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: links.length - 1 };
    if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    go(steps[event.key]);
  };

  for (const button of gallery.querySelectorAll("[data-gallery-step]")) {
    button.hidden = false;
    button.addEventListener("click", () => go(at + Number(button.dataset.galleryStep)));
  }
  thumbs.forEach((thumb, number) =>
    thumb.addEventListener("click", (event) => {
      event.preventDefault();
      go(number);
    }),
  );
  links.forEach((link, number) =>
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      mark(number);
      dialog.showModal();
      show();
      stage.focus();
    }),
  );
  strip.addEventListener("keydown", step);
  strip.addEventListener("scrollend", () => {
    if (!dialog.open) mark(Math.min(Math.round(strip.scrollLeft / strip.clientWidth), links.length - 1));
  });

  for (const button of dialog.querySelectorAll("[data-gallery-zoom]"))
    button.addEventListener("click", () => {
      magnify(button.dataset.galleryZoom === "1" ? zoom * 1.6 : zoom / 1.6);
      if (button.disabled) stage.focus();
    });
  dialog.querySelector("[data-gallery-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    scrollTo(at);
    links[at].focus({ preventScroll: true });
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "+" || event.key === "=") magnify(zoom * 1.6);
    else if (event.key === "-") magnify(zoom / 1.6);
    else if (event.key === "0") magnify(1);
    else if (zoom === 1) step(event);
  });

  let held = null;
  stage.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button) return;
    held = { x: event.clientX, y: event.clientY, left: stage.scrollLeft, top: stage.scrollTop };
  });
  stage.addEventListener("pointermove", (event) => {
    if (!held || zoom === 1 || event.pointerType === "touch") return;
    stage.scrollTo(held.left + held.x - event.clientX, held.top + held.y - event.clientY);
  });
  stage.addEventListener("pointercancel", () => (held = null));
  stage.addEventListener("pointerup", (event) => {
    if (!held) return;
    const [right, down] = [event.clientX - held.x, event.clientY - held.y];
    held = null;
    if (Math.abs(right) < STILL_PX && Math.abs(down) < STILL_PX) {
      const box = stage.getBoundingClientRect();
      const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      magnify(zoom === 1 ? 2.5 : 1, x, y);
    } else if (zoom === 1 && Math.abs(right) > SWIPE_PX && Math.abs(right) > Math.abs(down)) {
      go(at - Math.sign(right));
    }
  });
  stage.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      magnify(zoom * (event.deltaY < 0 ? 1.2 : 1 / 1.2));
    },
    { passive: false },
  );
  mark(0);
})();
