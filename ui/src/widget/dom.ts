// Elements are built node by node: nothing a server, a bot or a customer wrote is ever parsed as HTML.

type Child = Node | string;
type Properties = Record<string, string | boolean | EventListener>;

const SVG = "http://www.w3.org/2000/svg";

/** A new element: functions become listeners, `true` an empty attribute, `false` none. */
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, properties: Properties = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** A link that opens elsewhere and tells nothing about this page; addresses of other kinds stay text. */
export function link(target: string, content: Child[], otherwise = target): Node {
  const safe = /^(https?:\/\/|mailto:|tel:)/i.test(target) && URL.canParse(target);
  return safe ? el("a", { href: target, target: "_blank", rel: "noopener noreferrer nofollow" }, ...content) : document.createTextNode(otherwise);
}

/** A 24 x 24 line icon (paths from Lucide, ISC licence). */
export function icon(...paths: string[]): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const d of paths) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

export const CHAT = "M7.9 20A9 9 0 1 0 4 16.1L2 22Z";
export const DOWN = "m6 9 6 6 6-6";
export const CLOSE = "M18 6 6 18M6 6l12 12";
export const SEND = "m5 12 7-7 7 7M12 19V5";
export const RESTART = "M3 12a9 9 0 1 0 9-9 9.75 9.75 0 0 0-6.74 2.74L3 8M3 3v5h5";
export const BOT = "M12 8V4H8M6 8h12a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2ZM2 14h2M20 14h2M15 13v2M9 13v2";
export const ALERT = "M12 8v4M12 16h.01M12 2a10 10 0 1 0 0 20 10 10 0 1 0 0-20Z";
export const BELL = "M10.27 21a2 2 0 0 0 3.46 0M3.26 15.33A1 1 0 0 0 4 17h16a1 1 0 0 0 .74-1.67C19.41 13.96 18 12.5 18 8A6 6 0 0 0 6 8c0 4.5-1.41 5.96-2.74 7.33";
export const CLIP = "m16 6-8.41 8.59a2 2 0 0 0 2.83 2.82l8.41-8.58a4 4 0 1 0-5.66-5.66l-8.38 8.55a6 6 0 1 0 8.49 8.49l8.38-8.55";
export const FILE = "M15 2H6a2 2 0 0 0-2 2v16a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2V7ZM14 2v4a2 2 0 0 0 2 2h4";
export const PIN = "M20 10c0 5-5.54 10.19-7.4 11.8a1 1 0 0 1-1.2 0C9.54 20.19 4 15 4 10a8 8 0 0 1 16 0M12 7a3 3 0 1 0 0 6 3 3 0 1 0 0-6";
