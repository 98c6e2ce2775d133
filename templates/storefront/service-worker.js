{% load static %}/* Shows a page of its own when there is no network. It keeps that page and what it is drawn with, and nothing else: no
   page of the shop is kept, so nothing of anybody's is. */
"use strict";
const KEPT = "autosalon-offline";
const PAGE = "{% url 'storefront:offline' %}";
const DRAWN_WITH = ["{% static 'autosalon/site.css' %}", "{% static 'autosalon/favicon.svg' %}"];

self.addEventListener("install", (event) => {
  const wanted = [PAGE, ...DRAWN_WITH].map((path) => new Request(path, { cache: "reload", credentials: "same-origin" }));
  event.waitUntil(
    caches.delete(KEPT).then(() => caches.open(KEPT)).then((kept) => kept.addAll(wanted)).then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== self.location.origin) return;
  if (DRAWN_WITH.includes(pathname)) {
    event.respondWith(fetch(event.request).catch(() => caches.match(pathname)));
  } else if (event.request.mode === "navigate" && !pathname.startsWith("/admin/") && !pathname.startsWith("/api/")) {
    event.respondWith(fetch(event.request).catch(() => caches.match(PAGE)));
  }
});
