/* The lines of a query as they come, over a WebSocket that is opened again when it is lost. */

const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const HELD_MAX = 1000; /* entries between two pictures */

export class Tail {
  /* put(streams[], missed, left): since the last picture; missed by the server, left out
   * here; state("opening" | "live" | "lost"). */
  constructor({ put, state }) {
    Object.assign(this, { put, state, socket: null, held: [], heldCount: 0, missed: 0, left: 0, tries: 0 });
  }

  get isOn() {
    return this.query !== undefined;
  }

  /* after(): nanoseconds as text; later entries are wanted. */
  start(query, after) {
    this.stop();
    Object.assign(this, { query, after, tries: 0 });
    this.open();
  }

  open() {
    const parameters = new URLSearchParams({ query: this.query, limit: String(HELD_MAX), start: this.after() });
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/loki/api/v1/tail?${parameters}`);
    this.socket = socket;
    if (this.tries === 0) this.state("opening");
    socket.addEventListener("open", () => {
      if (this.socket !== socket) return;
      this.tries = 0;
      this.state("live");
    });
    socket.addEventListener("message", ({ data }) => {
      if (this.socket === socket) this.hold(JSON.parse(data));
    });
    socket.addEventListener("close", () => {
      if (this.socket === socket) this.lose();
    });
  }

  /* The connection does not answer: it is given up, and tried again. */
  lose() {
    const { socket } = this;
    this.socket = null;
    socket?.close();
    this.state("lost");
    this.timer = setTimeout(() => this.open(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
  }

  hold({ streams, dropped_entries: dropped }) {
    for (const d of dropped ?? []) this.missed += Number(d.labels?.dropped) || 1;
    for (const s of streams ?? []) {
      this.held.push(s);
      this.heldCount += s.values.length;
    }
    while (this.heldCount > HELD_MAX) {
      const { values } = this.held[0], n = Math.min(values.length, this.heldCount - HELD_MAX);
      values.splice(0, n);
      if (values.length === 0) this.held.shift();
      this.heldCount -= n;
      this.left += n;
    }
    this.wake ??= setTimeout(() => this.show(), document.hidden ? 1000 : 60);
  }

  show() {
    this.wake = null;
    const { held, missed, left } = this;
    Object.assign(this, { held: [], heldCount: 0, missed: 0, left: 0 });
    this.put(held, missed, left);
  }

  stop() {
    clearTimeout(this.timer);
    clearTimeout(this.wake);
    const { socket } = this;
    Object.assign(this, { socket: null, query: undefined, held: [], heldCount: 0, missed: 0, left: 0, wake: null });
    socket?.close();
  }
}
