// The conversation as the visitor sees it: every message once, in the server's order, whatever came twice, late or out of turn.
import { ALERT, BOT, el, icon } from "./dom";
import { plainText, richText } from "./markdown";
import type { Strings } from "./strings";
import type { Body, Message } from "./types";

const STAMP_GAP_MS = 15 * 60_000;
const AT_END_PX = 60;
const LONGEST_TYPING_MS = 90_000;

/** Puts what a message shows beside its words into its bubble and its row, sooner or later. */
export type Enrich = (body: Body, bubble: HTMLElement, row: HTMLElement) => Promise<void>;

interface Row {
  seq: number; // Infinity: not yet known to the server
  at: number;
  box: HTMLElement;
}

interface Streaming {
  call: string;
  text: string;
  box: HTMLElement;
  words: HTMLElement;
}

export class Log {
  #rows: Row[] = [];
  readonly #seen = new Set<number>();
  readonly #pending = new Map<string, Row>();
  #streaming: Streaming | null = null;
  readonly #dots: HTMLElement;
  #following = true;
  #height = 0;
  #dotsTimer = 0;

  constructor(
    readonly box: HTMLElement,
    private readonly newer: HTMLElement,
    private readonly strings: Strings,
    private readonly language: string,
    private readonly enrich: Enrich,
  ) {
    this.#dots = this.#row("out", el("div", { class: "bubble" }, el("span", { class: "dots" }, el("i"), el("i"), el("i"))));
    this.#dots.setAttribute("aria-hidden", "true");
    box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    box.addEventListener("load", () => this.#follow(), true); // a picture makes room when it comes
    newer.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => this.#following && this.toEnd()).observe(box);
  }

  /** The number of the newest message. */
  get last(): number {
    return Math.max(0, ...this.#seen);
  }

  /** The number of the oldest message here. */
  get first(): number {
    return Math.min(...this.#seen);
  }

  /** How many of the bot's messages came after `seq`. */
  unread(seq: number): number {
    return this.#rows.filter((row) => row.seq > seq && row.seq !== Infinity && row.box.classList.contains("out")).length;
  }

  has(seq: number): boolean {
    return this.#seen.has(seq);
  }

  /** Shows a message of the server; false when it was there before. */
  receive(message: Message): boolean {
    if (message.direction === "out") this.#settle(message);
    if (this.#seen.has(message.seq)) return false;
    this.#seen.add(message.seq);
    const own = message.client_message_id ? this.#pending.get(message.client_message_id) : undefined;
    if (own) {
      this.#pending.delete(message.client_message_id!);
      this.#mark(own, "");
      this.#place(own, message.seq);
    } else this.#show(message);
    return true;
  }

  /** Shows what the visitor just wrote, before the server has it. */
  write(id: string, body: Body): void {
    const before = this.#pending.get(id);
    this.#rows = this.#rows.filter((row) => row !== before);
    before?.box.remove();
    const row = this.#make("in", body, Date.now());
    this.#pending.set(id, row);
    this.#mark(row, "waiting");
    this.#place(row, Infinity);
    this.toEnd();
  }

  /** Says below what the visitor wrote how it is getting on. */
  note(id: string, ...nodes: Node[]): void {
    const row = this.#pending.get(id);
    if (row) this.#mark(row, "waiting", ...nodes);
  }

  /** The server has it; `before` is the first message it answered with. */
  accepted(id: string, before = Infinity): void {
    const row = this.#pending.get(id);
    if (!row) return;
    this.#mark(row, "");
    if (before !== Infinity) this.#place(row, before - 0.5);
  }

  failed(id: string, reason: string, again?: () => void): void {
    const row = this.#pending.get(id);
    if (!row) return;
    const retry = again && el("button", { type: "button", class: "retry", click: () => (this.#mark(row, "waiting"), again()) }, this.strings.retry);
    this.#mark(row, "failed", el("span", { role: "alert" }, icon(ALERT), reason || this.strings.failed), ...(retry ? [retry] : []));
    this.#follow();
  }

  typing(on: boolean): void {
    clearTimeout(this.#dotsTimer);
    if (on) this.#dotsTimer = window.setTimeout(() => this.#dots.remove(), LONGEST_TYPING_MS);
    if (on && !this.#streaming) this.box.append(this.#dots);
    else this.#dots.remove();
    this.#follow();
  }

  /** More of an answer that is still being written; `from` is how much of it went before. */
  delta(call: string, text: string, from?: number): void {
    if (this.#streaming?.call !== call) {
      if (from) return; // its beginning was missed: wait for the whole
      this.endStreaming();
      const words = el("div", { class: "words streaming", dir: "auto" });
      this.#streaming = { call, text: "", words, box: this.#row("out", el("div", { class: "bubble", part: "message out" }, words)) };
      this.#streaming.box.setAttribute("aria-hidden", "true"); // read out once, when it is whole
      this.#dots.remove();
      this.box.append(this.#streaming.box);
    }
    const now = this.#streaming!;
    if (from !== undefined && from !== now.text.length) return;
    now.text += text;
    now.words.replaceChildren(richText(now.text));
    this.#follow();
  }

  endStreaming(): void {
    this.#streaming?.box.remove();
    this.#streaming = null;
  }

  clear(): void {
    this.endStreaming();
    this.#rows = [];
    this.#seen.clear();
    this.#pending.clear();
    this.box.replaceChildren();
    this.newer.hidden = true;
    this.#following = true;
  }

  toEnd(): void {
    this.#following = true;
    this.newer.hidden = true;
    this.box.scrollTop = this.box.scrollHeight;
  }

  #show({ direction, body, at, seq }: Message): void {
    this.#place(this.#make(direction, body, Date.parse(at)), seq);
    if (direction === "out") {
      this.#dots.remove();
      if (!this.#following) this.newer.hidden = false;
    }
    this.#follow();
  }

  /** The whole answer is here: what was shown of it gives way. */
  #settle({ body }: Message): void {
    const shown = this.#streaming;
    if (shown && (body.call_id === shown.call || body.text?.trim().startsWith(shown.text.trim().slice(0, 40)))) this.endStreaming();
  }

  #make(direction: "in" | "out", body: Body, at: number): Row {
    const { you, bot } = this.strings;
    const text = body.file && body.text === body.file.name ? "" : body.text;
    const seen = text || body.media?.length || body.file;
    const bubble = el("div", { class: seen ? "bubble" : "hidden", part: `message ${direction}` }, el("span", { class: "hidden" }, direction === "in" ? you : bot, " "));
    if (text) bubble.append(el("div", { class: "words", dir: "auto" }, direction === "in" ? plainText(text) : richText(text)));
    const box = this.#row(direction, bubble);
    if (body.media?.length || body.cards?.length || body.file) void this.enrich(body, bubble, box).then(() => this.#follow());
    return { seq: Infinity, at, box };
  }

  #row(direction: "in" | "out", bubble: HTMLElement): HTMLElement {
    const avatar = el("span", { class: "avatar", part: "avatar", "aria-hidden": "true" }, icon(BOT));
    return el("div", { class: `row ${direction}` }, ...(direction === "out" ? [avatar] : []), bubble);
  }

  /** Puts a row where its number belongs; a row that is already there is not touched, so that nothing is read out twice. */
  #place(row: Row, seq: number): void {
    row.seq = seq;
    this.#rows = this.#rows.filter((other) => other !== row);
    let at = this.#rows.length;
    while (at > 0 && this.#rows[at - 1]!.seq > seq) at--;
    this.#rows.splice(at, 0, row);
    const next = this.#rows[at + 1]?.box ?? this.#streaming?.box ?? (this.#dots.isConnected ? this.#dots : null);
    if (!row.box.isConnected || row.box.nextElementSibling !== next) this.box.insertBefore(row.box, next);
    this.#stamp(at);
    this.#stamp(at + 1);
  }

  /** The time above a message that came long after the one before it. */
  #stamp(index: number): void {
    const row = this.#rows[index];
    if (!row) return;
    const before = this.#rows[index - 1];
    row.box.querySelector("time")?.remove();
    if (Number.isNaN(row.at) || (before && row.at - before.at < STAMP_GAP_MS)) return;
    const date = new Date(row.at);
    const day: Intl.DateTimeFormatOptions = date.toDateString() === new Date().toDateString() ? {} : { weekday: "short", day: "numeric", month: "short" };
    const label = new Intl.DateTimeFormat(this.language, { ...day, hour: "numeric", minute: "2-digit" }).format(date);
    row.box.prepend(el("time", { datetime: date.toISOString() }, label));
  }

  #mark(row: Row, state: "" | "waiting" | "failed", ...note: (Node | string)[]): void {
    row.box.classList.toggle("waiting", state === "waiting");
    row.box.classList.toggle("failed", state === "failed");
    row.box.querySelector(".note")?.remove();
    if (note.length) row.box.append(el("div", { class: "note" }, ...note));
  }

  #scrolled(): void {
    const grown = this.#height !== this.box.scrollHeight;
    this.#height = this.box.scrollHeight;
    if (grown && this.#following) return this.#follow(); // the page moved it, not the visitor
    this.#following = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < AT_END_PX;
    if (this.#following) this.newer.hidden = true;
  }

  #follow(): void {
    if (this.#following) this.box.scrollTop = this.box.scrollHeight;
  }
}
