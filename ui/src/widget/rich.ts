// What a message shows beside its words: pictures, sounds, films, files, cards and a carousel of them.
import { FILE, el, icon, link } from "./dom";
import css from "./rich.css";
import { audio, cards as cardsWord, file as fileWord, image, video } from "./strings/en.json";
import type { Ask } from "./server";
import type { Strings } from "./strings";
import type { Body, Button, Card, Choice, Media, SentFile } from "./types";

export { css };
export type Pick = (choice: Choice) => void;
type Words = Record<"audio" | "cards" | "file" | "image" | "video", string>;

const WEB = /^https?:\/\//i;

/** Puts what the message shows beside its words into its bubble and, below that, its row. */
export function enrich(body: Body, bubble: HTMLElement, row: HTMLElement, strings: Strings, pick: Pick, addressOf: (id: string) => string, ask: Ask): void {
  const words: Words = { audio, cards: cardsWord, file: fileWord, image, video, ...strings };
  const files = [body.file, ...(body.others ?? [])].filter((one) => one !== undefined);
  const parts = [...(body.media ?? []).map((one) => media(one, words)), ...files.map((one) => sent(one, words, (id) => ask<SentFile>(addressOf(id))))];
  bubble.querySelector(".hidden")!.after(...parts);
  const { cards = [] } = body;
  for (const some of [cards.filter((card) => card.title), cards.filter((card) => !card.title)]) if (some.length) row.append(deck(some, words, pick));
}

/** A picture, a player, or a link to the file; what has no web address is only named. */
function media({ kind, url, alt = "" }: Media, words: Words): Node {
  if (WEB.test(url) && kind === "image") return el("img", { src: url, alt, loading: "lazy", referrerpolicy: "no-referrer" });
  if (WEB.test(url) && (kind === "audio" || kind === "video")) return el(kind, { src: url, controls: true, preload: "metadata", "aria-label": alt || words[kind] });
  return el("p", {}, link(url, [alt || url], alt || url));
}

/** A file that the visitor sent, with its picture where it has one. */
function sent(file: SentFile, words: Words, find: (id: string) => Promise<SentFile>): HTMLElement {
  const size = new Intl.NumberFormat(undefined, { style: "unit", unit: file.size < 1e6 ? "kilobyte" : "megabyte", maximumFractionDigits: file.size < 1e6 ? 0 : 1 });
  const about = [icon(FILE), el("span", { dir: "auto" }, file.name || words.file), el("small", { dir: "ltr" }, size.format(Math.max(1, file.size / 1e3) / (file.size < 1e6 ? 1 : 1e3)))];
  if (!file.url) return el("p", { class: "file" }, ...about);
  const show = (event: Event) => {
    if (!file.id) return;
    event.preventDefault(); // addresses of files end: ask for one that works
    void find(file.id).then(({ url }) => window.open(url, "_blank", "noopener"));
  };
  const shown = el("a", { class: "file", href: file.url, target: "_blank", rel: "noopener noreferrer", click: show }, ...about);
  if (!file.media_type.startsWith("image/")) return shown;
  const picture = el("img", { src: file.url, alt: file.name, error: () => picture.remove() });
  return el("div", {}, picture, shown);
}

/** Cards side by side, to be leafed through with a finger, the wheel or the arrow keys. */
function deck(cards: Card[], words: Words, pick: Pick): HTMLElement {
  const several = cards.length > 1;
  const list: HTMLElement = el(
    "ul",
    { class: "cards", "aria-label": words.cards, ...(several && { tabindex: "0", keydown: (event) => leaf(list, event as KeyboardEvent) }) },
    ...cards.map((one) => card(one, words, pick)),
  );
  return list;
}

function card({ title, text, image_url: url, alt, buttons = [] }: Card, words: Words, pick: Pick): HTMLElement {
  const parts: Node[] = url ? [media({ kind: "image", url, alt }, words)] : [];
  if (title) parts.push(el("strong", { dir: "auto" }, title));
  if (text) parts.push(el("p", { dir: "auto" }, text));
  return el("li", { class: title ? "card" : "bare" }, ...parts, ...buttons.map((one) => button(one, pick)));
}

function button({ label, value, url }: Button, pick: Pick): Node {
  return url ? link(url, [label], label) : el("button", { type: "button", dir: "auto", click: () => pick({ value: value ?? label, label }) }, label);
}

function leaf(list: HTMLElement, event: KeyboardEvent): void {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step || event.target !== list) return;
  event.preventDefault();
  list.scrollBy({ left: step * list.firstElementChild!.clientWidth, behavior: "smooth" });
}
