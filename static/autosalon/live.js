/* A tiny client of the live feed.
 *
 *   const feed = new LiveFeed({ socketPath, ticket, onState, onNews, onRefused, by: "seq" });
 *   feed.start();
 *
 * It connects with a one-use ticket, resumes by `seq` (one order) or by `position` (many), pings, and comes back with
 * growing, random pauses. States: `connecting`; `known`, when the server has told everything up to now; and `lost`, from
 * the first doubt until it is `known` again. It never calls anything known that it did not hear from the server.
 */
"use strict";
(() => {
  const PING_EVERY = 20000;
  const ANSWER_WITHIN = 10000;
  const LONGEST_PAUSE = 8000;

  class LiveFeed {
    /* ticket: () => Promise<string|null>, null when signed out; onNews(message) for every change and snapshot. */
    constructor({ socketPath, ticket, onState, onNews, onRefused, by }) {
      Object.assign(this, { socketPath, ticket, onState, onNews, onRefused, by });
      this.socket = null;
      this.since = null; // last change heard; null asks for a snapshot
      this.tries = 0;
      this.isOver = false;
      this.isKnown = false;
      this.timers = {};
    }

    start() {
      addEventListener("online", () => this.hurry());
      addEventListener("offline", () => this.lost());
      document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
      addEventListener("pagehide", () => this.stop());
      addEventListener("pageshow", (event) => event.persisted && this.again());
      this.onState("connecting");
      this.connect();
    }

    stop() {
      this.isOver = true;
      this.drop();
    }

    /* Forget what was heard and ask for a snapshot. */
    again() {
      this.isOver = false;
      this.since = null;
      this.doubt();
      this.connect();
    }

    /* Someone looks, or the network is back: do not wait for the pause to end. */
    hurry() {
      if (this.isOver || this.isKnown) return;
      this.tries = 0;
      this.connect();
    }

    async connect() {
      clearTimeout(this.timers.retry);
      this.drop();
      let ticket;
      try {
        ticket = await this.ticket();
      } catch {
        return this.lost();
      }
      if (this.isOver) return undefined;
      if (ticket === null) return this.refused(4401);
      const address = new URL(this.socketPath, location.href);
      address.protocol = address.protocol.replace("http", "ws");
      address.searchParams.set("ticket", ticket);
      if (this.since !== null) address.searchParams.set("since", this.since);
      this.drop();
      const opened = (this.socket = new WebSocket(address));
      opened.onopen = () => opened === this.socket && this.ping();
      opened.onmessage = (message) => opened === this.socket && this.receive(JSON.parse(message.data));
      opened.onclose = (event) => opened === this.socket && this.closed(event.code);
      return undefined;
    }

    drop() {
      clearTimeout(this.timers.ping);
      clearTimeout(this.timers.answer);
      const old = this.socket;
      this.socket = null;
      old?.close();
    }

    receive(message) {
      switch (message.type) {
        case "snapshot":
          this.since = message.seq;
          return this.news(message);
        case "resync_required":
          this.since = null;
          return this.doubt();
        case "pong":
          clearTimeout(this.timers.answer);
          this.timers.ping = setTimeout(() => this.ping(), PING_EVERY);
          return this.since === null ? undefined : this.known(); // whatever was missed came before the answer
        case "error":
          return undefined;
        default:
          return this.change(message);
      }
    }

    change(message) {
      const place = message[this.by];
      if (place === undefined || (this.since !== null && place <= this.since)) return undefined;
      if (this.since === null || (this.by === "seq" && place > this.since + 1)) return this.again();
      this.since = place;
      return this.news(message);
    }

    news(message) {
      this.onNews(message);
      if (message.type === "snapshot") this.known();
    }

    known() {
      this.tries = 0;
      if (this.isKnown) return;
      this.isKnown = true;
      this.onState("known");
    }

    doubt() {
      this.isKnown = false;
      this.onState("lost");
    }

    ping() {
      this.socket.send('{"type":"ping"}');
      clearTimeout(this.timers.answer);
      this.timers.answer = setTimeout(() => this.lost(), ANSWER_WITHIN);
    }

    closed(code) {
      return code === 4403 || code === 4404 ? this.refused(code) : this.lost();
    }

    refused(code) {
      this.stop();
      this.onRefused(code);
    }

    lost() {
      if (this.isOver) return;
      this.drop();
      this.doubt();
      const ceiling = Math.min(LONGEST_PAUSE, 500 * 2 ** this.tries);
      this.tries += 1;
      clearTimeout(this.timers.retry);
      this.timers.retry = setTimeout(() => this.connect(), ceiling / 2 + (Math.random() * ceiling) / 2);
    }
  }

  window.LiveFeed = LiveFeed;
})();
