// Server-sent events over fetch: carries the Authorization header, resumes by Last-Event-ID, and says how fresh it is.
//
// States: "connecting", "live", "reconnecting" (the connection ended, another is being made), "stale" (connected, or
// so it seems, but nothing heard for `staleAfterMs`; heartbeats count), "denied" (401, 403), "missing" (404).

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5000;
const ANSWER_WITHIN_MS = 8000;

// Splits a stream of text into events; lines end with \n, \r\n or \r (WHATWG HTML, server-sent events).
export class EventParser {
  #buffer = "";
  #event = { id: null, event: "message", data: [] };

  push(text) {
    this.#buffer += text;
    const events = [];
    for (;;) {
      const end = this.#buffer.search(/\r\n|\n|\r(?!$)/);
      if (end < 0) return events;
      const line = this.#buffer.slice(0, end);
      this.#buffer = this.#buffer.slice(end + (this.#buffer.startsWith("\r\n", end) ? 2 : 1));
      const complete = this.#line(line);
      if (complete) events.push(complete);
    }
  }

  #line(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#event.data.push(value);
    else if (field === "event") this.#event.event = value;
    else if (field === "id") this.#event.id = value;
    return null;
  }

  #dispatch() {
    const { id, event, data } = this.#event;
    this.#event = { id: null, event: "message", data: [] };
    return data.length ? { id, event, data: JSON.parse(data.join("\n")) } : null;
  }
}

export class LiveStream {
  #options;
  #lastId = null;
  #heardAt = 0;
  #askedAt = 0;
  #waitMs = FIRST_WAIT_MS;
  #abort = null;
  #wake = null;
  #state = null;
  #closed = false;

  // `onEvent(event)` may return false to say "I have lost the thread": the stream then starts anew with a snapshot.
  constructor({ url, token, onEvent, onState, staleAfterMs = 4000 }) {
    this.#options = { url, token, onEvent, onState, staleAfterMs };
    this.watch = setInterval(() => this.#checkFreshness(), 250);
    this.online = () => this.#hurry();
    addEventListener("online", this.online);
    document.addEventListener("visibilitychange", this.online);
    this.#run();
  }

  close() {
    this.#closed = true;
    clearInterval(this.watch);
    removeEventListener("online", this.online);
    document.removeEventListener("visibilitychange", this.online);
    this.#abort?.abort();
    this.#wake?.();
  }

  async #run() {
    while (!this.#closed) {
      this.#say(this.#heardAt ? "reconnecting" : "connecting");
      try {
        if (!(await this.#connection())) return;
      } catch (error) {
        if (this.#closed) return;
        if (!(error instanceof TypeError || error.name === "AbortError")) console.error(error);
      }
      if (this.#closed) return;
      this.#say(this.#state === "stale" ? "stale" : "reconnecting");
      await this.#pause();
    }
  }

  // One connection until it ends; false when trying again is useless.
  async #connection() {
    this.#abort = new AbortController();
    this.#askedAt = performance.now();
    const { url, token } = this.#options;
    const headers = { Accept: "text/event-stream" };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (this.#lastId !== null) headers["Last-Event-ID"] = this.#lastId;
    const response = await fetch(url, { headers, cache: "no-store", signal: this.#abort.signal });
    this.#askedAt = 0;
    if (response.status === 401 || response.status === 403) return this.#give("denied");
    if (response.status === 404) return this.#give("missing");
    if (!response.ok || !response.body) return true;
    this.#heardAt = performance.now();
    await this.#read(response.body.getReader());
    return true;
  }

  #give(state) {
    this.#say(state);
    clearInterval(this.watch);
    return false;
  }

  async #read(reader) {
    const parser = new EventParser();
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.#heardAt = performance.now();
      for (const event of parser.push(decoder.decode(value, { stream: true }))) {
        if (this.#options.onEvent(event) === false) {
          this.#lastId = null;
          await reader.cancel();
          return;
        }
        if (event.id !== null) this.#lastId = event.id;
        this.#waitMs = FIRST_WAIT_MS;
      }
      this.#say("live");
    }
  }

  #checkFreshness() {
    // A server that takes the connection and then says nothing is no better than none.
    if (this.#askedAt && performance.now() - this.#askedAt > ANSWER_WITHIN_MS) this.#abort?.abort();
    if (this.#state !== "live" && this.#state !== "stale") return;
    if (performance.now() - this.#heardAt < this.#options.staleAfterMs) return;
    this.#say("stale");
    // A connection that has gone quiet is given up, so that a new one can find another way.
    this.#abort?.abort();
  }

  #pause() {
    const wait = this.#waitMs * (0.75 + Math.random() / 2);
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, wait);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #hurry() {
    if (document.visibilityState === "visible") this.#wake?.();
  }

  #say(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState(state);
  }
}
