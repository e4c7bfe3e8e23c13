// <chatloom-widget channel server heading accent theme lang dir open inline uploads wording conversation token>: one conversation with one channel.
import { readableOn } from "./color";
import { fill } from "./fill";
import { Log } from "./log";
import { Outbox, Refused, type Carrier } from "./outbox";
import { Pauses } from "./pauses";
import { Server } from "./server";
import { Session, randomId } from "./session";
import { EventStream, type Connection, type Listener } from "./stream";
import { directionOf, languageOf, stringsOf, type Strings, type Wording } from "./strings";
import type { Answer, Body, Message, Outgoing, Person, Standing } from "./types";
import { View } from "./view";
import css from "./widget.css";

const TYPING_AFTER_MS = 300;
const STILL_NEW_MS = 10_000;
const GONE = [401, 403, 404, 410];

export class ChatloomWidget extends HTMLElement implements Carrier, Listener {
  /** Fulfilled when the widget can be used: its words are here. */
  started: Promise<void> = new Promise(() => {});
  #view!: View;
  #log!: Log;
  #session!: Session;
  #server!: Server;
  #outbox!: Outbox;
  #strings!: Strings;
  readonly #pauses = new Pauses((message) => this.#reveal(message), (on) => this.#log.typing(on));
  #stream: EventStream | null = null;
  #shown: string | null = null; // the conversation whose messages are in the log
  #newest: Message | null = null;
  #typingTimer = 0;
  #lastTurn = 0;
  #takesFiles = false;
  #contact: object = {}; // who the visitor is to the site around
  #life = new AbortController();

  connectedCallback(): void {
    this.#life = new AbortController();
    this.started = this.#begin(this.#life.signal);
  }

  disconnectedCallback(): void {
    this.#life.abort();
    this.#outbox?.close();
    this.#hangUp();
    this.#log?.clear();
  }

  get isOpen(): boolean {
    return !this.#view.panel.hidden;
  }

  open(focus = true): void {
    const opened = !this.isOpen;
    this.#view.expanded(true);
    this.toggleAttribute("data-open", true);
    this.#log.toEnd();
    this.#markRead();
    this.#greet();
    if (!this.#takesFiles && this.getAttribute("uploads") !== "off") void this.#takeFiles();
    if (focus) this.#view.focus();
    if (opened) this.#tell("open");
  }

  close(): void {
    if (this.#inline || !this.isOpen) return;
    this.#view.expanded(false);
    this.toggleAttribute("data-open", false);
    this.#view.launcher.focus();
    this.#tell("close");
  }

  /** Sends a text as if the visitor had typed it. */
  send(text: string): void {
    const trimmed = text.trim();
    if (trimmed) this.#dispatch({ text: trimmed });
  }

  /** Leaves this conversation and begins a new one. */
  restart(): void {
    if (this.hasAttribute("conversation")) return this.#tell("restart"); // the page gave the conversation, the page begins the next one
    this.#session.conversation = null;
    this.#session.outbox = [];
    this.#startOver();
  }

  /** Says who the visitor is to the site around; with its proof, a conversation that they began elsewhere goes on here. */
  async identify(person: Person | null): Promise<void> {
    const { contactOf, prove } = await this.#view.part("person");
    const { id, hash, ...about } = contactOf(person ?? {});
    const other = this.#session.identify(hash && id);
    this.#contact = about;
    try {
      const known = hash && (await prove({ id, hash, ...about }, this.#channel, this.#server.ask));
      if (!known) return;
      this.#contact = { ...about, ...known.contact };
      if (known.conversation_id) this.#session.conversation = { id: known.conversation_id, token: known.token! };
    } finally {
      if (other) this.#startOver(); // nothing of somebody else stays, also when the proof is not accepted
      else this.#adopt();
    }
  }

  // --- sending (Carrier)

  async post(item: Outgoing): Promise<Answer | null> {
    const conversation = this.#session.conversation;
    if (!conversation) return this.#session.alone(async () => (this.#session.conversation && item.start ? null : this.#keep(await this.#request(item))));
    const answer = await this.#request(item);
    const now = this.#session.conversation;
    return now && now.id !== conversation.id ? null : this.#keep(answer); // another tab may have started over meanwhile
  }

  posting(): void {
    clearTimeout(this.#typingTimer);
    this.#typingTimer = window.setTimeout(() => this.#log.typing(navigator.onLine), TYPING_AFTER_MS);
  }

  posted(item: Outgoing, answer: Answer | null): void {
    if (!answer || (this.#shown && this.#shown !== answer.conversation_id)) this.#resume();
    if (!answer) return;
    this.#shown = answer.conversation_id;
    this.#log.accepted(item.id, Math.min(...answer.messages.filter((message) => message.direction === "out").map((message) => message.seq)));
    for (const message of answer.messages) this.message(message);
    this.#offer(); // the stream may have been quicker than this answer
    this.#listen();
    if (answer.status === "failed") this.#view.notice(this.#strings.unavailable);
    this.turn(answer.turn, answer.waiting_for);
  }

  failed(item: Outgoing, reason: string): void {
    this.#settled();
    if (item.start) this.#view.notice(reason || this.#strings.unavailable);
    else this.#log.failed(item.id, reason, () => this.#outbox.add(item));
  }

  // --- receiving (Listener)

  message(message: Message): void {
    if (!this.#log.has(message.seq)) this.#pauses.take(message);
  }

  typing(on: boolean): void {
    clearTimeout(this.#typingTimer);
    this.#log.typing(on);
  }

  delta(call: string, text: string, from?: number): void {
    clearTimeout(this.#typingTimer);
    this.#log.delta(call, text, from);
  }

  /** A turn has ended; pages that show the flow light its path. */
  turn(turn: number, waitingFor?: string | null): void {
    if (waitingFor !== undefined && waitingFor !== "call") this.#settled();
    if (turn <= this.#lastTurn) return;
    this.#lastTurn = turn;
    this.#tell("turn", { conversation: this.#session.conversation?.id, turn });
  }

  standing({ status, line }: Standing): void {
    const { ended, line: place, waiting } = this.#strings;
    this.#view.stands(status === "closed" ? ended : status === "handed_off" ? (line ? fill(place, { n: line }) : waiting) : "");
    this.#tell("standing", { status, line });
  }

  connection(state: Connection): void {
    this.#view.connection(state);
    this.classList.toggle("connected", state === "online");
  }

  /** The server does not know this conversation any more: the next message begins a new one. */
  refused(): void {
    this.#session.conversation = null;
    this.#resume();
    if (this.isOpen) this.#greet();
  }

  // --- inside

  get #inline(): boolean {
    return this.hasAttribute("inline");
  }

  get #channel(): string {
    return this.getAttribute("channel") ?? "";
  }

  async #begin(signal: AbortSignal): Promise<void> {
    if (!this.shadowRoot) {
      const wording = JSON.parse(this.getAttribute("wording") ?? "{}") as Wording;
      this.lang = languageOf(wording, this.getAttribute("lang"), document.documentElement.lang, ...navigator.languages);
      this.#strings = await stringsOf(this.lang, wording);
      if (signal.aborted) return;
      this.#build();
    }
    const token = this.getAttribute("token");
    this.#session = new Session(this.#channel, token === null);
    this.#server = new Server((this.getAttribute("server") ?? "").replace(/\/+$/, ""), this.#channel, signal, () => this.#session.conversation?.token ?? token ?? undefined);
    const conversation = this.getAttribute("conversation");
    if (conversation) this.#session.continue({ id: conversation, token: token ?? "" });
    this.#outbox = new Outbox(this.#session, this);
    this.#session.watch(() => this.#adopt(), () => this.#count(), signal);
    document.addEventListener("visibilitychange", () => this.isOpen && this.#markRead(), { signal });
    this.#view.sounds(this.#session.sounds);
    this.#resume();
    if (this.#inline || this.hasAttribute("open")) this.open(false);
  }

  #build(): void {
    const root = this.attachShadow({ mode: "open" });
    if (!this.dir) this.dir = directionOf(this.lang);
    const accent = this.getAttribute("accent");
    if (accent && CSS.supports("color", accent)) this.style.setProperty("--cw-accent", accent);
    this.#view = new View(root, this.#strings, this.getAttribute("heading") || this.#strings.title, this.#inline, {
      toggle: () => (this.isOpen ? this.close() : this.open()),
      close: () => this.close(),
      restart: () => this.restart(),
      sounds: () => this.#sound(!this.#session.sounds),
      earlier: () => void this.#earlier(),
      submit: (text) => this.send(text),
      pick: (choice) => this.#pick(choice.value, choice.label),
      place: (latitude, longitude) => this.#dispatch({ location: { latitude, longitude }, shown: { type: "location", text: `${latitude.toFixed(5)}, ${longitude.toFixed(5)}` } }),
    });
    this.#view.style(css);
    this.#log = new Log(this.#view.log, this.#view.newer, this.#strings, this.lang, (body, bubble, row) => this.#enrich(body, bubble, row));
    root.addEventListener("keydown", (event) => (event as KeyboardEvent).key === "Escape" && this.close());
    this.style.setProperty("--on-accent", readableOn(getComputedStyle(this.#view.panel).getPropertyValue("--accent")));
  }

  /** Shows what this browser remembers: the conversation so far and what was not sent yet. */
  #resume(): void {
    this.#hangUp();
    this.#log.clear();
    this.#pauses.clear();
    this.#shown = this.#session.conversation?.id ?? null;
    this.#newest = null;
    this.#lastTurn = 0;
    this.#settled();
    this.#view.offer({});
    this.#view.stands("");
    this.#view.earlier.hidden = true;
    this.#view.unread(0);
    if (this.#session.conversation) this.#listen();
    for (const item of this.#outbox.waiting) if (!item.start) this.#log.write(item.id, bodyOf(item));
    void this.#outbox.flush();
  }

  #startOver(): void {
    this.#outbox.close();
    this.#outbox = new Outbox(this.#session, this);
    this.#resume();
    if (this.isOpen) this.#greet();
  }

  /** Asks the bot to begin, when nobody has said anything. */
  #greet(): void {
    if (!this.#session.conversation && !this.#outbox.waiting.length) this.#outbox.add({ id: randomId(), start: true });
  }

  /** Another tab began or dropped the conversation. */
  #adopt(): void {
    if (this.#shown !== (this.#session.conversation?.id ?? null)) this.#resume();
  }

  #keep(answer: Answer): Answer {
    this.#session.conversation = { id: answer.conversation_id, token: answer.token };
    return answer;
  }

  #listen(): void {
    const conversation = this.#session.conversation;
    if (this.#stream || !conversation) return;
    this.#stream = new EventStream(`${this.#server.address(`/w/${this.#channel}/events`)}&conversation=${conversation.id}`, () => this.#session.conversation?.token ?? conversation.token, this);
    this.#stream.start();
  }

  #hangUp(): void {
    this.#stream?.stop();
    this.#stream = null;
  }

  #dispatch(said: Omit<Outgoing, "id">): void {
    const item = { ...said, id: randomId() };
    this.#view.offer({});
    this.#log.write(item.id, bodyOf(item));
    this.#outbox.add(item);
  }

  #pick(value: string, label: string): void {
    this.#dispatch({ choice: value, text: label || value });
    this.#view.focus();
  }

  #offer(): void {
    this.#view.offer(this.#newest?.direction === "out" && !this.#outbox.waiting.length ? this.#newest.body : {});
  }

  #reveal(message: Message): void {
    if (!this.#log.receive(message)) return;
    if (!this.#newest || message.seq > this.#newest.seq) {
      this.#newest = message;
      this.#offer();
    }
    this.#view.earlier.hidden = this.#log.first < 2;
    if (this.isOpen && !document.hidden) this.#markRead();
    else {
      this.#count();
      if (message.direction === "out" && Date.now() - Date.parse(message.at) < STILL_NEW_MS) this.#ring();
    }
    this.#tell("message", { ...message });
  }

  async #enrich(body: Body, bubble: HTMLElement, row: HTMLElement): Promise<void> {
    const { enrich } = await this.#view.part("rich");
    const addressOf = (id: string) => `/api/v2/chat/uploads/${id}?channel=${this.#channel}`;
    enrich(body, bubble, row, this.#strings, ({ value, label }) => this.#pick(value, label), addressOf, this.#server.ask);
  }

  /** From now on files can be chosen, dropped and pasted. */
  async #takeFiles(): Promise<void> {
    this.#takesFiles = true;
    const { takeFiles } = await this.#view.part("files");
    this.#view.choose = takeFiles(this.#view, this.#strings, {
      asked: () => (this.#view.offered.asks === "file" && this.#view.offered.asks_about) || {},
      address: this.#server.address("/api/v2/chat/uploads"),
      token: () => this.#session.conversation?.token,
      begin: (item) => this.#log.write(item.id, bodyOf(item)),
      note: (id, ...nodes) => this.#log.note(id, ...nodes),
      end: (item) => (this.#view.offer({}), this.#log.write(item.id, bodyOf(item)), this.#outbox.add(item)),
      failed: (item, reason, again) => this.#log.failed(item.id, reason, again),
    });
  }

  async #earlier(): Promise<void> {
    for (const message of await this.#server.history(this.#shown!, this.#log.first)) this.#reveal(message);
  }

  #sound(on: boolean): void {
    this.#session.sounds = on;
    this.#view.sounds(on);
    if (on) this.#ring();
  }

  #ring(): void {
    if (this.#session.sounds) void this.#view.part("chime").then(({ chime }) => chime());
  }

  #settled(): void {
    clearTimeout(this.#typingTimer);
    this.#log.typing(this.#pauses.waiting);
    this.#log.endStreaming();
  }

  #markRead(): void {
    if (document.hidden) return;
    this.#session.read = this.#log.last;
    this.#count();
  }

  #count(): void {
    const unread = this.#log.unread(this.#session.read);
    this.#view.unread(this.isOpen ? 0 : unread);
    this.#tell("unread", unread);
  }

  async #request(item: Outgoing, conversation = this.#session.conversation): Promise<Answer> {
    const contact = { id: this.#session.visitor, language: navigator.language, ...this.#contact };
    try {
      return await this.#server.say(item, conversation ? { conversation_id: conversation.id } : { contact });
    } catch (error) {
      if (!conversation || !(error instanceof Refused && GONE.includes(error.status))) throw error;
      this.#session.conversation = null;
      this.#hangUp();
      return this.#request(item, null);
    }
  }

  #tell(name: string, detail: unknown = null): void {
    this.dispatchEvent(new CustomEvent(`chatloom:${name}`, { bubbles: true, composed: true, detail }));
  }
}

function bodyOf({ shown, text = "" }: Outgoing): Body {
  return shown ?? { type: "text", text };
}
