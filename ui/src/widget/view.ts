// The widget's parts, built once.
import { BELL, BOT, CHAT, CLOSE, DOWN, RESTART, SEND, el, icon } from "./dom";
import { fill } from "./fill";
import { part } from "./parts";
import type { Strings } from "./strings";
import type { Body, Choice } from "./types";

export interface Actions {
  toggle(): void;
  close(): void;
  restart(): void;
  sounds(): void;
  earlier(): void;
  submit(text: string): void;
  pick(choice: Choice): void;
  place(latitude: number, longitude: number): void;
}

export class View {
  readonly launcher: HTMLButtonElement;
  readonly panel: HTMLElement;
  readonly log: HTMLElement;
  readonly newer: HTMLButtonElement;
  readonly earlier: HTMLButtonElement;
  readonly form: HTMLFormElement;
  readonly input: HTMLTextAreaElement;
  readonly #badge = el("span", { class: "badge", "aria-hidden": "true", hidden: true });
  readonly #state: HTMLElement;
  readonly #strip = el("div", { class: "strip", role: "status", part: "status", hidden: true });
  readonly #replies: HTMLElement;
  readonly #asked = el("div", { class: "asked", part: "asked", hidden: true });
  readonly #bell: HTMLButtonElement;
  readonly #send: HTMLButtonElement;
  readonly #styled = new Set<string>();
  /** What the bot's newest message offers and asks for. */
  offered: Partial<Body> = {};
  /** Lets the visitor choose files. */
  choose = () => {};
  #trouble = "";
  #standing = "";

  constructor(
    private readonly root: ShadowRoot,
    private readonly strings: Strings,
    heading: string,
    inline: boolean,
    private readonly actions: Actions,
  ) {
    this.launcher = el("button", { type: "button", class: "launcher", part: "launcher", "aria-haspopup": "dialog", "aria-expanded": "false", "aria-controls": "panel", click: () => actions.toggle() });
    const chat = icon(CHAT);
    const down = icon(DOWN);
    chat.classList.add("closed");
    down.classList.add("opened");
    this.launcher.append(chat, down, this.#badge);

    this.#state = el("span", { class: "state" }, strings.connecting);
    this.log = el("div", { class: "log", part: "log", role: "log", "aria-live": "polite", "aria-relevant": "additions", "aria-label": strings.log, tabindex: "0" });
    this.newer = el("button", { type: "button", class: "newer", hidden: true }, strings.newer, icon(DOWN));
    this.earlier = el("button", { type: "button", class: "earlier", hidden: true, click: () => actions.earlier() }, strings.earlier);
    this.#replies = el("div", { class: "replies", part: "replies", role: "group", "aria-label": strings.answers, hidden: true });
    this.input = el("textarea", { rows: "1", part: "input", enterkeyhint: "send", autocomplete: "off", maxlength: "4000", placeholder: strings.placeholder, "aria-label": strings.placeholder });
    this.#send = this.#tool("send", strings.send, icon(SEND));
    this.#send.type = "submit";

    this.form = el("form", { class: "composer", part: "composer" }, this.input, this.#send);
    const title = el("h2", { id: "title" }, heading);
    this.#bell = this.#tool("tool bell", strings.sound, icon(BELL, "m2 2 20 20"), () => actions.sounds());
    const restart = this.#tool("tool", strings.restart, icon(RESTART), () => actions.restart());
    const close = this.#tool("tool close", strings.close, icon(CLOSE), () => actions.close());
    const header = el("header", { class: "header", part: "header" }, el("span", { class: "face", "aria-hidden": "true" }, icon(BOT)), el("div", { class: "names" }, title, this.#state), this.#bell, restart);
    if (!inline) header.append(close);
    const middle = el("div", { class: "middle" }, this.earlier, this.log, this.newer);
    this.panel = el("section", { class: "panel", id: "panel", part: "panel", role: inline ? "region" : "dialog", "aria-labelledby": "title", hidden: !inline }, header, this.#strip, middle, this.#replies, this.#asked, this.form);

    this.form.addEventListener("submit", (event) => (event.preventDefault(), this.#submit()));
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("keydown", (event) => this.#keyed(event));
    this.panel.addEventListener("keydown", (event) => this.#trap(event));
    this.#typed();
    root.append(this.panel);
    if (!inline) root.append(this.launcher);
  }

  /** Connected or not: a word under the title, a strip when it lasts. */
  connection(state: "online" | "connecting" | "offline"): void {
    this.#state.textContent = state === "online" ? this.strings.online : this.strings.connecting;
    this.#state.classList.toggle("on", state === "online");
    this.notice(state === "online" ? "" : state === "offline" ? this.strings.offline : this.strings.connecting);
  }

  /** What is wrong at the moment; empty: nothing. */
  notice(text: string): void {
    this.#trouble = text;
    this.#tape();
  }

  /** How the conversation stands, when that is worth saying. */
  stands(text: string): void {
    this.#standing = text;
    this.#tape();
  }

  #tape(): void {
    const text = this.#trouble || this.#standing;
    if (this.#strip.textContent !== text) this.#strip.textContent = text;
    this.#strip.classList.toggle("calm", !this.#trouble);
    this.#strip.hidden = !text;
  }

  sounds(on: boolean): void {
    this.#bell.setAttribute("aria-pressed", String(on));
  }

  /** A part that is loaded now, with its style. */
  async part<Name extends Parameters<typeof part>[0]>(name: Name): ReturnType<typeof part<Name>> {
    const loaded = await part(name);
    if ("css" in loaded && !this.#styled.has(name)) this.style(loaded.css);
    this.#styled.add(name);
    return loaded;
  }

  /** Adds a style sheet; this way is allowed under any style-src. */
  style(css: string): void {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.root.adoptedStyleSheets.push(sheet);
  }

  unread(count: number): void {
    this.#badge.hidden = !count;
    this.#badge.textContent = count > 9 ? "9+" : String(count);
    this.#label(count);
  }

  expanded(open: boolean): void {
    this.panel.hidden = !open;
    if (this.panel.role === "dialog") this.panel.setAttribute("aria-modal", String(open && this.#covers()));
    this.launcher.setAttribute("aria-expanded", String(open));
    this.#label(0);
  }

  /** The answers to pick from, and what else the bot's message asks for. */
  offer(body: Partial<Body>): void {
    const { choices = [], asks } = body;
    if (JSON.stringify([choices, asks]) === JSON.stringify([this.offered.choices ?? [], this.offered.asks])) return;
    this.offered = body;
    this.#replies.replaceChildren(...choices.map((one) => this.#reply(one)));
    this.#replies.dataset["scale"] = "";
    this.#replies.hidden = !choices.length;
    this.#asked.replaceChildren();
    this.#asked.hidden = true;
    if (asks) void this.part("asks").then(({ ask }) => this.offered === body && ask(body, this.#asked, this.#replies, this.strings, this.#answers), () => {});
  }

  #reply(choice: Choice): HTMLButtonElement {
    return el("button", { type: "button", part: "reply", dir: "auto", click: () => this.actions.pick(choice) }, choice.label || choice.value);
  }

  readonly #answers = {
    say: (text: string) => this.actions.submit(text),
    place: ({ latitude, longitude }: { latitude: number; longitude: number }) => this.actions.place(latitude, longitude),
    choose: () => this.choose(),
  };

  /** Puts the caret where the visitor writes; not on touch screens, where a keyboard would jump up over what the bot just said. */
  focus(): void {
    if (matchMedia("(pointer: coarse)").matches) this.log.focus({ preventScroll: true });
    else this.input.focus({ preventScroll: true });
  }

  #label(unread: number): void {
    const { open, close, unread: some } = this.strings;
    const name = this.panel.hidden ? open : close;
    this.launcher.setAttribute("aria-label", unread ? `${name}, ${fill(some, { n: unread })}` : name);
  }

  #tool(kind: string, label: string, picture: SVGSVGElement, click?: () => void): HTMLButtonElement {
    return el("button", { type: "button", class: kind, title: label, "aria-label": label, ...(click && { click }) }, picture);
  }

  #typed(): void {
    this.#send.disabled = !this.input.value.trim();
    this.input.dir = this.input.value ? "auto" : ""; // empty, the placeholder's language decides
    this.input.style.height = "auto";
    if (this.input.value) this.input.style.height = `${this.input.scrollHeight}px`;
  }

  #submit(): void {
    const text = this.input.value.trim();
    if (!text) return;
    this.input.value = "";
    this.#typed();
    this.actions.submit(text);
    this.input.focus({ preventScroll: true });
  }

  #keyed(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#submit();
  }

  /** Keeps the focus inside while the panel covers the whole screen. */
  #trap(event: KeyboardEvent): void {
    if (event.key !== "Tab" || this.panel.getAttribute("aria-modal") !== "true") return;
    const stops = [...this.panel.querySelectorAll<HTMLElement>("button:enabled, textarea, a[href], [tabindex='0']")].filter((stop) => stop.checkVisibility());
    const edge = event.shiftKey ? stops[0] : stops.at(-1);
    if ((event.target as HTMLElement) !== edge) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0])?.focus();
  }

  #covers(): boolean {
    return matchMedia("(max-width: 480px)").matches;
  }
}
