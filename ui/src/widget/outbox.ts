// Sending: one message at a time, in order, again until the server has it; the same id twice is one message to the server.
import type { Session } from "./session";
import type { Answer, Outgoing } from "./types";

const TRIES = 6;
const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 20_000;
const PASSING = new Set([408, 409, 425, 429]);

/** The server said no. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly retryAfterMs = 0,
  ) {
    super(detail);
  }

  /** Trying the same again can help. */
  get passing(): boolean {
    return this.status >= 500 || PASSING.has(this.status);
  }
}

export interface Carrier {
  /** Hands one message over; null when it has become pointless. Throws Refused, or anything else when the server was not reached. */
  post(item: Outgoing): Promise<Answer | null>;
  posting(item: Outgoing): void;
  posted(item: Outgoing, answer: Answer | null): void;
  failed(item: Outgoing, reason: string): void;
}

export class Outbox {
  #busy = false;
  readonly #closed = new AbortController();

  constructor(
    private readonly session: Session,
    private readonly carrier: Carrier,
  ) {
    addEventListener("online", () => void this.flush(), { signal: this.#closed.signal });
  }

  /** What is still to be sent. */
  get waiting(): Outgoing[] {
    return this.session.outbox;
  }

  add(item: Outgoing): void {
    this.session.outbox = [...this.waiting.filter((other) => other.id !== item.id), item];
    void this.flush();
  }

  close(): void {
    this.#closed.abort();
  }

  async flush(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let item; !this.#closed.signal.aborted && (item = this.waiting[0]); ) if (!(await this.#deliver(item))) return;
    } finally {
      this.#busy = false;
    }
  }

  /** True when the next one may go. */
  async #deliver(item: Outgoing): Promise<boolean> {
    this.carrier.posting(item);
    for (let tries = 1; ; tries++) {
      try {
        const answer = await this.carrier.post(item);
        if (this.#closed.signal.aborted) return false;
        this.#drop(item);
        this.carrier.posted(item, answer);
        return true;
      } catch (error) {
        if (this.#closed.signal.aborted) return false;
        const refused = error instanceof Refused ? error : null;
        if (refused && !refused.passing) {
          this.#drop(item);
          this.carrier.failed(item, refused.message);
          return true;
        }
        if (!navigator.onLine) return false; // "online" goes on
        if (tries === TRIES) {
          this.carrier.failed(item, "");
          return false;
        }
        await new Promise((resolve) => setTimeout(resolve, Math.min(LONGEST_WAIT_MS, refused?.retryAfterMs || FIRST_WAIT_MS * 2 ** (tries - 1))));
      }
    }
  }

  #drop(item: Outgoing): void {
    this.session.outbox = this.waiting.filter((other) => other.id !== item.id);
  }
}
