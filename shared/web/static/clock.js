// The platform's time in the browser: what the server last said, carried on at the platform's own speed.

export class PlatformClock {
  #server = Date.now();
  #since = performance.now();
  #speed = 1;

  set(serverTime, speed = this.#speed) {
    this.#server = Date.parse(serverTime);
    this.#since = performance.now();
    this.#speed = speed;
  }

  get speed() {
    return this.#speed;
  }

  // Milliseconds since 1970.
  now() {
    return this.#server + (performance.now() - this.#since) * this.#speed;
  }
}
