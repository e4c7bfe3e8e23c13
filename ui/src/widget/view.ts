// The widget's parts, built once.
import { BOT, CHAT, CLOSE, DOWN, RESTART, SEND, el, icon } from "./dom";
import type { Strings } from "./strings";
import type { Pick } from "./shown";
import type { Body } from "./types";

export interface Actions {
  toggle(): void;
  close(): void;
  restart(): void;
  submit(text: string): void;
}

export class View {
  readonly launcher: HTMLButtonElement;
  readonly panel: HTMLElement;
  readonly log: HTMLElement;
  readonly newer: HTMLButtonElement;
  readonly input: HTMLTextAreaElement;
  private readonly badge = el("span", { class: "badge", "aria-hidden": "true", hidden: true });
  private readonly state: HTMLElement;
  private readonly strip = el("div", { class: "strip", role: "status", part: "status", hidden: true });
  private readonly replies: HTMLElement;
  private offering = "";
  private readonly send: HTMLButtonElement;

  constructor(
    root: ShadowRoot,
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
    this.launcher.append(chat, down, this.badge);

    this.state = el("span", { class: "state" }, strings.connecting);
    this.log = el("div", { class: "log", part: "log", role: "log", "aria-live": "polite", "aria-relevant": "additions", "aria-label": strings.log, tabindex: "0" });
    this.newer = el("button", { type: "button", class: "newer", hidden: true }, strings.newer, icon(DOWN));
    this.replies = el("div", { class: "replies", part: "replies", role: "group", "aria-label": strings.answers, hidden: true });
    this.input = el("textarea", { rows: "1", part: "input", enterkeyhint: "send", autocomplete: "off", maxlength: "4000", placeholder: strings.placeholder, "aria-label": strings.placeholder });
    this.send = this.tool("send", strings.send, icon(SEND));
    this.send.type = "submit";

    const form = el("form", { class: "composer", part: "composer" }, this.input, this.send);
    const title = el("h2", { id: "title" }, heading);
    const restart = this.tool("tool", strings.restart, icon(RESTART), () => actions.restart());
    const close = this.tool("tool close", strings.close, icon(CLOSE), () => actions.close());
    const header = el("header", { class: "header", part: "header" }, el("span", { class: "face", "aria-hidden": "true" }, icon(BOT)), el("div", { class: "names" }, title, this.state), restart);
    if (!inline) header.append(close);
    this.panel = el("section", { class: "panel", id: "panel", part: "panel", role: inline ? "region" : "dialog", "aria-labelledby": "title", hidden: !inline }, header, this.strip, el("div", { class: "middle" }, this.log, this.newer), this.replies, form);

    form.addEventListener("submit", (event) => (event.preventDefault(), this.submit()));
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("keydown", (event) => this.keyed(event));
    this.panel.addEventListener("keydown", (event) => this.trap(event));
    this.typed();
    root.append(this.panel);
    if (!inline) root.append(this.launcher);
  }

  /** Connected or not: a word under the title, a strip when it lasts. */
  connection(state: "online" | "connecting" | "offline"): void {
    this.state.textContent = state === "online" ? this.strings.online : this.strings.connecting;
    this.state.classList.toggle("on", state === "online");
    this.notice(state === "online" ? "" : state === "offline" ? this.strings.offline : this.strings.connecting);
  }

  notice(text: string): void {
    this.strip.textContent = text;
    this.strip.hidden = !text;
  }

  unread(count: number): void {
    this.badge.hidden = !count;
    this.badge.textContent = count > 9 ? "9+" : String(count);
    this.label(count);
  }

  expanded(open: boolean): void {
    this.panel.hidden = !open;
    if (this.panel.role === "dialog") this.panel.setAttribute("aria-modal", String(open && this.covers()));
    this.launcher.setAttribute("aria-expanded", String(open));
    this.label(0);
  }

  /** The answers to pick from; a rating looks like its scale, and a place can be shared where the browser knows it. */
  offer({ choices = [], asks, asks_about: about }: Partial<Body>, pick: Pick, locate?: () => void): void {
    const offering = JSON.stringify([choices, asks]);
    if (offering === this.offering) return;
    this.offering = offering;
    const buttons = choices.map((choice) => this.reply(choice.label || choice.value, () => pick(choice)));
    if (asks === "location" && locate) buttons.push(this.reply(this.strings.locate, locate));
    this.replies.replaceChildren(...buttons);
    this.replies.dataset["scale"] = (asks === "rating" && about?.scale) || "";
    this.replies.hidden = !buttons.length;
  }

  private reply(label: string, click: () => void): HTMLButtonElement {
    return el("button", { type: "button", part: "reply", dir: "auto", click }, label);
  }

  /** Puts the caret where the visitor writes; not on touch screens, where a keyboard would jump up over what the bot just said. */
  focus(): void {
    if (matchMedia("(pointer: coarse)").matches) this.log.focus({ preventScroll: true });
    else this.input.focus({ preventScroll: true });
  }

  private label(unread: number): void {
    const { open, close, unread: some } = this.strings;
    const name = this.panel.hidden ? open : close;
    this.launcher.setAttribute("aria-label", unread ? `${name}, ${some.replace("{n}", String(unread))}` : name);
  }

  private tool(kind: string, label: string, picture: SVGSVGElement, click?: () => void): HTMLButtonElement {
    return el("button", { type: "button", class: kind, title: label, "aria-label": label, ...(click && { click }) }, picture);
  }

  private typed(): void {
    this.send.disabled = !this.input.value.trim();
    this.input.dir = this.input.value ? "auto" : ""; // empty, the placeholder's language decides
    this.input.style.height = "auto";
    if (this.input.value) this.input.style.height = `${this.input.scrollHeight}px`;
  }

  private submit(): void {
    const text = this.input.value.trim();
    if (!text) return;
    this.input.value = "";
    this.typed();
    this.actions.submit(text);
    this.input.focus({ preventScroll: true });
  }

  private keyed(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.submit();
  }

  /** Keeps the focus inside while the panel covers the whole screen. */
  private trap(event: KeyboardEvent): void {
    if (event.key !== "Tab" || this.panel.getAttribute("aria-modal") !== "true") return;
    const stops = [...this.panel.querySelectorAll<HTMLElement>("button:enabled, textarea, a[href], [tabindex='0']")].filter((stop) => stop.checkVisibility());
    const edge = event.shiftKey ? stops[0] : stops.at(-1);
    if ((event.target as HTMLElement) !== edge) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0])?.focus();
  }

  private covers(): boolean {
    return matchMedia("(max-width: 480px)").matches;
  }
}
