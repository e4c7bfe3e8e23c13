// Receiving: server-sent events over fetch (unlike EventSource it can carry a token), resumed after the last message seen.
import type { Message, Standing } from "./types";

const SILENCE_MS = 45_000; // the server pings every 15 seconds
const HIDDEN_MS = 20_000; // then a page nobody looks at hangs up, all but one: browsers allow few connections per server
const LONGEST_WAIT_MS = 20_000;

export type Connection = "online" | "connecting" | "offline";

/** What the stream tells. `late` says that the message is no news: the stream is still catching up. */
export interface Listener {
  message(message: Message): void;
  typing(on: boolean): void;
  delta(call: string, text: string, from: number | undefined): void;
  turn(turn: number, waitingFor?: string | null): void;
  standing(standing: Standing): void;
  connection(state: Connection): void;
  refused(status: number): void;
}

interface ServerEvent {
  event: string;
  data: string;
  id: string;
}

export class EventStream {
  readonly #stopped = new AbortController();
  #request = new AbortController();
  #last = 0;
  #failures = 0;
  #wake: () => void = () => {};
  #hideTimer = 0;
  #listens = true; // whether this page has a connection
  #seen = new AbortController(); // ends the watch that a hidden page keeps

  constructor(
    private readonly address: string,
    private readonly token: () => string,
    private readonly listener: Listener,
  ) {}

  start(): void {
    const { signal } = this.#stopped;
    addEventListener("online", () => this.hurry(), { signal });
    addEventListener("offline", () => this.#request.abort(), { signal });
    document.addEventListener("visibilitychange", () => this.#visibility(), { signal });
    this.#visibility();
    void this.#run();
  }

  stop(): void {
    this.#stopped.abort();
    this.#request.abort();
    this.#seen.abort();
    clearTimeout(this.#hideTimer);
    this.#wake();
  }

  /** Connects at once if it was waiting to. */
  hurry(): void {
    this.#failures = 0;
    this.#wake();
  }

  #visibility(): void {
    clearTimeout(this.#hideTimer);
    this.#seen.abort();
    if (document.hidden) this.#hideTimer = window.setTimeout(() => this.#rest(), HIDDEN_MS);
    else {
      this.#listens = true;
      this.hurry();
    }
  }

  /** Of all hidden pages of a site one goes on listening, for the badge and the sound; when it closes, the next one does. */
  #rest(): void {
    this.#listens = false;
    this.#seen = new AbortController();
    const { signal } = this.#seen;
    const keep = () =>
      new Promise<void>((shown) => {
        this.#listens = true;
        this.#wake();
        signal.addEventListener("abort", () => shown());
      });
    navigator.locks?.request(this.address, { signal }, keep).catch(() => {});
    setTimeout(() => this.#listens || signal.aborted || this.#request.abort(), 1000);
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      if (!this.#listens) await this.#sleep(Infinity);
      else {
        await this.#connect().catch(() => this.#failures++);
        if (this.#stopped.signal.aborted) return;
        if (this.#failures > 1 || !navigator.onLine) this.listener.connection(navigator.onLine ? "connecting" : "offline");
        await this.#sleep(Math.min(LONGEST_WAIT_MS, 250 * 2 ** this.#failures) * (0.7 + Math.random() * 0.6));
      }
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (ms !== Infinity) setTimeout(resolve, ms);
    });
  }

  /** One connection, to its end. */
  async #connect(): Promise<void> {
    this.#request = new AbortController();
    const headers = { Accept: "text/event-stream", "Last-Event-ID": String(this.#last), Authorization: `Bearer ${this.token()}` };
    const response = await fetch(this.address, { headers, signal: this.#request.signal, cache: "no-store", credentials: "omit", referrerPolicy: "origin" });
    if ([401, 403, 404, 410].includes(response.status)) {
      this.stop();
      return this.listener.refused(response.status);
    }
    if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
    this.listener.connection("online");
    let watchdog = 0;
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = window.setTimeout(() => this.#request.abort(), SILENCE_MS);
    };
    try {
      for await (const event of serverEvents(response.body, alive)) this.#take(event);
    } finally {
      clearTimeout(watchdog);
    }
  }

  #take({ event, data, id }: ServerEvent): void {
    this.#failures = 0;
    const value = JSON.parse(data);
    if (event === "message") {
      this.#last = Math.max(this.#last, Number(id) || 0);
      this.listener.message(value);
    } else if (event === "typing") this.listener.typing(value.on);
    else if (event === "delta") this.listener.delta(value.call_id, value.text, value.from);
    else if (event === "turn") this.listener.turn(value.turn, value.waiting_for);
    else if (event === "standing") this.listener.standing(value);
  }
}

/** The events of a `text/event-stream` body. */
async function* serverEvents(body: ReadableStream<Uint8Array>, alive: () => void): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let event = { event: "message", data: "", id: "" };
  try {
    for (;;) {
      alive();
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop()!;
      for (const line of lines) {
        if (!line) {
          if (event.data) yield event;
          event = { event: "message", data: "", id: "" };
          continue;
        }
        const [, name, field] = /^(event|data|id): ?(.*)$/.exec(line) ?? [];
        if (name === "data") event.data += (event.data && "\n") + field;
        else if (name) event[name as "event" | "id"] = field!;
      }
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}
