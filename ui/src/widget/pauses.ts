// The pauses of a bot that seems to write: a new message may come with one, and those after it wait their turn.
import type { Message } from "./types";

const STILL_NEW_MS = 10_000;

export class Pauses {
  readonly #held = new Set<number>();
  #until = 0;

  constructor(
    private readonly show: (message: Message) => void,
    private readonly typing: (on: boolean) => void,
  ) {}

  /** Whether a message is still being held. */
  get waiting(): boolean {
    return this.#held.size > 0;
  }

  /** Shows a message, now or when its pause is over. An old one has none. */
  take(message: Message): void {
    const now = Date.now();
    const pause = Math.abs(now - Date.parse(message.at)) < STILL_NEW_MS ? (message.body.typing_ms ?? 0) : 0;
    if (this.#held.has(message.seq)) return;
    this.#until = Math.max(now, this.#until) + pause;
    if (this.#until <= now || message.direction === "in") return this.show(message);
    this.#held.add(message.seq);
    this.typing(true);
    setTimeout(() => this.#held.delete(message.seq) && (this.typing(this.waiting), this.show(message)), this.#until - now);
  }

  clear(): void {
    this.#held.clear();
    this.#until = 0;
  }
}
