// <chatloom-widget channel server heading accent theme lang dir open inline token>: one conversation with one channel.
import { readableOn } from "./color";
import { Log } from "./log";
import { Outbox, Refused, type Carrier } from "./outbox";
import { Session, randomId } from "./session";
import { EventStream, type Connection, type Listener } from "./stream";
import { directionOf, languageOf, stringsOf, type Strings } from "./strings";
import type { Answer, Choice, Message, Outgoing } from "./types";
import { View } from "./view";
import css from "./widget.css";

const TYPING_AFTER_MS = 300;
const POST_TIMEOUT_MS = 90_000;
const STILL_NEW_MS = 10_000;
const GONE = [401, 403, 404, 410];

export class ChatloomWidget extends HTMLElement implements Carrier, Listener {
  /** The channel's own wording, over the built-in strings. */
  wording: Partial<Strings> = {};
  private view!: View;
  private log!: Log;
  private session!: Session;
  private outbox!: Outbox;
  private stream: EventStream | null = null;
  private shown: string | null = null; // the conversation whose messages are in the log
  private newest: Message | null = null;
  private typingTimer = 0;
  private lastTurn = 0;
  private readonly held = new Set<number>(); // messages whose typing pause is not over
  private heldUntil = 0;
  private life = new AbortController();

  connectedCallback(): void {
    this.life = new AbortController();
    if (!this.shadowRoot) this.build();
    this.session = new Session(this.channel, !this.hasAttribute("token"));
    const conversation = this.getAttribute("conversation");
    if (conversation) this.session.continue({ id: conversation, token: this.getAttribute("token") ?? "" });
    this.outbox = new Outbox(this.session, this);
    this.session.watch(() => this.adopt(), this.life.signal);
    this.resume();
    if (this.inline || this.hasAttribute("open")) this.open(false);
  }

  disconnectedCallback(): void {
    this.life.abort();
    this.outbox.close();
    this.hangUp();
    this.log.clear();
  }

  get isOpen(): boolean {
    return !this.view.panel.hidden;
  }

  open(focus = true): void {
    const opened = !this.isOpen;
    this.view.expanded(true);
    this.toggleAttribute("data-open", true);
    this.log.toEnd();
    this.markRead();
    if (!this.session.conversation && !this.outbox.waiting.length) this.outbox.add({ id: randomId(), start: true });
    if (focus) this.view.focus();
    if (opened) this.tell("open");
  }

  close(): void {
    if (this.inline || !this.isOpen) return;
    this.view.expanded(false);
    this.toggleAttribute("data-open", false);
    this.view.launcher.focus();
    this.tell("close");
  }

  /** Sends a text as if the visitor had typed it. */
  send(text: string): void {
    const trimmed = text.trim();
    if (trimmed) this.dispatch({ id: randomId(), text: trimmed }, trimmed);
  }

  /** Leaves this conversation and begins a new one. */
  restart(): void {
    if (this.hasAttribute("conversation")) return this.tell("restart"); // the page gave the conversation, the page begins the next one
    this.outbox.close();
    this.session.conversation = null;
    this.session.outbox = [];
    this.outbox = new Outbox(this.session, this);
    this.resume();
    if (this.isOpen) this.outbox.add({ id: randomId(), start: true });
  }

  // --- sending (Carrier)

  async post(item: Outgoing): Promise<Answer | null> {
    const conversation = this.session.conversation;
    if (!conversation) return this.session.alone(async () => (this.session.conversation && item.start ? null : this.keep(await this.request(item))));
    const answer = await this.request(item);
    const now = this.session.conversation;
    return now && now.id !== conversation.id ? null : this.keep(answer); // another tab may have started over meanwhile
  }

  posting(): void {
    clearTimeout(this.typingTimer);
    this.typingTimer = window.setTimeout(() => this.log.typing(navigator.onLine), TYPING_AFTER_MS);
  }

  posted(item: Outgoing, answer: Answer | null): void {
    if (!answer || (this.shown && this.shown !== answer.conversation_id)) this.resume();
    if (!answer) return;
    this.shown = answer.conversation_id;
    this.log.accepted(item.id, Math.min(...answer.messages.filter((message) => message.direction === "out").map((message) => message.seq)));
    for (const message of answer.messages) this.message(message);
    this.offer(); // the stream may have been quicker than this answer
    this.listen();
    if (answer.status === "failed") this.view.notice(this.wordsOf().unavailable);
    this.turn(answer.turn, answer.waiting_for);
  }

  failed(item: Outgoing, reason: string): void {
    this.settled();
    if (item.start) this.view.notice(reason || this.wordsOf().unavailable);
    else this.log.failed(item.id, reason, () => this.outbox.add(item));
  }

  // --- receiving (Listener)

  /** A new message may come with a pause in which the bot seems to write; those after it wait their turn. */
  message(message: Message): void {
    const now = Date.now();
    const pause = Math.abs(now - Date.parse(message.at)) < STILL_NEW_MS ? (message.body.typing_ms ?? 0) : 0;
    if (this.held.has(message.seq) || this.log.has(message.seq)) return;
    this.heldUntil = Math.max(now, this.heldUntil) + pause;
    if (this.heldUntil <= now || message.direction === "in") return this.reveal(message);
    this.held.add(message.seq);
    this.log.typing(true);
    setTimeout(() => this.held.delete(message.seq) && (this.log.typing(this.held.size > 0), this.reveal(message)), this.heldUntil - now);
  }

  private reveal(message: Message): void {
    if (!this.log.receive(message)) return;
    if (!this.newest || message.seq > this.newest.seq) {
      this.newest = message;
      this.offer();
    }
    if (this.isOpen) this.markRead();
    else this.view.unread(this.log.unread(this.session.read));
    this.tell("message", { ...message });
  }

  typing(on: boolean): void {
    clearTimeout(this.typingTimer);
    this.log.typing(on);
  }

  delta(call: string, text: string, from?: number): void {
    clearTimeout(this.typingTimer);
    this.log.delta(call, text, from);
  }

  /** A turn has ended; pages that show the flow light its path. */
  turn(turn: number, waitingFor?: string | null): void {
    if (waitingFor !== undefined && waitingFor !== "call") this.settled();
    if (turn <= this.lastTurn) return;
    this.lastTurn = turn;
    this.tell("turn", { conversation: this.session.conversation?.id, turn });
  }

  connection(state: Connection): void {
    this.view.connection(state);
    this.classList.toggle("connected", state === "online");
  }

  /** The server does not know this conversation any more: the next message begins a new one. */
  refused(): void {
    this.session.conversation = null;
    this.resume();
    if (this.isOpen && !this.outbox.waiting.length) this.outbox.add({ id: randomId(), start: true });
  }

  // --- inside

  private get inline(): boolean {
    return this.hasAttribute("inline");
  }

  private get channel(): string {
    return this.getAttribute("channel") ?? "";
  }

  private get server(): string {
    return (this.getAttribute("server") ?? "").replace(/\/+$/, "");
  }

  private get language(): string {
    return languageOf(this.getAttribute("lang"), document.documentElement.lang, ...navigator.languages);
  }

  private wordsOf(): Strings {
    return stringsOf(this.language, this.wording);
  }

  private build(): void {
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet(); // allowed under any style-src
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    const strings = this.wordsOf();
    this.lang ||= this.language;
    if (!this.dir) this.dir = directionOf(this.lang);
    const accent = this.getAttribute("accent");
    if (accent && CSS.supports("color", accent)) this.style.setProperty("--cw-accent", accent);
    const actions = { toggle: () => (this.isOpen ? this.close() : this.open()), close: () => this.close(), restart: () => this.restart(), submit: (text: string) => this.send(text) };
    this.view = new View(root, strings, this.getAttribute("heading") || strings.title, this.inline, actions);
    this.log = new Log(this.view.log, this.view.newer, strings, this.lang, (choice) => this.pick(choice));
    root.addEventListener("keydown", (event) => (event as KeyboardEvent).key === "Escape" && this.close());
    this.style.setProperty("--on-accent", readableOn(getComputedStyle(this.view.panel).getPropertyValue("--accent")));
  }

  /** Shows what this browser remembers: the conversation so far and what was not sent yet. */
  private resume(): void {
    this.hangUp();
    this.log.clear();
    this.shown = this.session.conversation?.id ?? null;
    this.newest = null;
    this.lastTurn = 0;
    this.settled();
    this.held.clear();
    this.heldUntil = 0;
    this.view.offer({}, () => {});
    this.view.unread(0);
    if (this.session.conversation) this.listen();
    for (const item of this.outbox.waiting) if (item.text) this.log.write(item.id, item.text);
    void this.outbox.flush();
  }

  /** Another tab began or dropped the conversation. */
  private adopt(): void {
    if (this.shown !== (this.session.conversation?.id ?? null)) this.resume();
  }

  private keep(answer: Answer): Answer {
    this.session.conversation = { id: answer.conversation_id, token: answer.token };
    return answer;
  }

  private listen(): void {
    const conversation = this.session.conversation;
    if (this.stream || !conversation) return;
    const address = `${this.server}/w/${this.channel}/events?conversation=${conversation.id}`;
    this.stream = new EventStream(address, () => this.session.conversation?.token ?? conversation.token, this);
    this.stream.start();
  }

  private hangUp(): void {
    this.stream?.stop();
    this.stream = null;
  }

  private dispatch(item: Outgoing, text: string): void {
    this.view.offer({}, () => {});
    this.log.write(item.id, text);
    this.outbox.add(item);
  }

  private offer(): void {
    const body = this.newest?.direction === "out" && !this.outbox.waiting.length ? this.newest.body : {};
    const pick = (choice: Choice) => this.pick(choice);
    this.view.offer(body, pick, navigator.geolocation && (() => this.locate()));
  }

  private pick({ value, label }: Choice): void {
    this.dispatch({ id: randomId(), choice: value, text: label || value }, label || value);
    this.view.focus();
  }

  private locate(): void {
    navigator.geolocation.getCurrentPosition(
      ({ coords: { latitude, longitude } }) => this.dispatch({ id: randomId(), location: { latitude, longitude } }, `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`),
      () => this.view.focus(), // they may write where they are
    );
  }

  private settled(): void {
    clearTimeout(this.typingTimer);
    this.log.typing(this.held.size > 0);
    this.log.endStreaming();
  }

  private markRead(): void {
    this.session.read = this.log.last;
    this.view.unread(0);
  }

  private async request(item: Outgoing, conversation = this.session.conversation): Promise<Answer> {
    const token = conversation?.token ?? this.getAttribute("token");
    const response = await fetch(`${this.server}/api/v2/chat/message?channel=${this.channel}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
      body: JSON.stringify({
        channel_id: this.channel,
        ...(conversation ? { conversation_id: conversation.id } : { contact: { id: this.session.visitor, language: navigator.language } }),
        client_message_id: item.id,
        ...(item.start ? { start: true } : { text: item.text, choice: item.choice, location: item.location }),
      }),
      signal: AbortSignal.any([this.life.signal, AbortSignal.timeout(POST_TIMEOUT_MS)]),
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "origin",
    });
    if (response.ok) return (await response.json()) as Answer;
    if (conversation && GONE.includes(response.status)) {
      this.session.conversation = null;
      this.hangUp();
      return this.request(item, null);
    }
    const problem = (await response.json().catch(() => ({}))) as { detail?: string };
    throw new Refused(response.status, problem.detail ?? "", 1000 * Number(response.headers.get("Retry-After") ?? 0));
  }

  private tell(name: string, detail: unknown = null): void {
    this.dispatchEvent(new CustomEvent(`chatloom:${name}`, { bubbles: true, composed: true, detail }));
  }
}
