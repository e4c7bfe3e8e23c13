// What a message shows beside its words: pictures, sounds, films, files, cards and a carousel of them.
import { el } from "./dom";
import { link } from "./markdown";
import type { Button, Card, Choice, Media } from "./types";

export type Pick = (choice: Choice) => void;

const WEB = /^https?:\/\//i;

/** A picture, a player, or a link to the file; what has no web address is only named. */
export function media({ kind, url, alt = "" }: Media): Node {
  if (WEB.test(url) && kind === "image") return el("img", { src: url, alt, loading: "lazy", referrerpolicy: "no-referrer" });
  if (WEB.test(url) && (kind === "audio" || kind === "video")) return el(kind, { src: url, controls: true, preload: "metadata", "aria-label": alt || kind });
  return el("p", {}, link(url, [alt || url], alt || url));
}

/** Cards side by side, to be leafed through with a finger, the wheel or the arrow keys. */
export function deck(cards: Card[], label: string, pick: Pick): HTMLElement {
  const several = cards.length > 1;
  const list: HTMLElement = el("ul", { class: "cards", "aria-label": label, ...(several && { tabindex: "0", keydown: (event) => leaf(list, event as KeyboardEvent) }) }, ...cards.map((one) => card(one, pick)));
  return list;
}

function card({ title, text, image_url: image, alt, buttons = [] }: Card, pick: Pick): HTMLElement {
  const parts: Node[] = image ? [media({ kind: "image", url: image, alt })] : [];
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
