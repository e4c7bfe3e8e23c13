// The small, safe markdown of chat messages, as DOM nodes: paragraphs, lists, code, bold, italic, links. Everything else is text.
import { el, link } from "./dom";

const DEEPEST = 4;
const ADDRESS = /\bhttps?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]}*_]/;
const BULLET = /^\s{0,6}[-*+•]\s+(.+)/;
const NUMBER = /^\s{0,6}(\d{1,9})[.)]\s+(.+)/;
const HEADING = /^#{1,6}\s+(.+?)\s*#*$/;
const FENCE = /^\s{0,3}```/;

/** One alternative per kind of inline markup; the first that matches at the leftmost place wins. */
const INLINE = new RegExp(
  [
    /`([^`\n]+)`/, // 1 code
    /\*\*(?=\S)([^\n]{1,2000}?\S|\S)\*\*/, // 2 bold
    /(?<![\w*])\*(?=[^\s*])([^*\n]{0,2000}[^\s*]|[^\s*])\*(?![\w*])/, // 3 italic
    /(?<!\w)_(?=[^\s_])([^_\n]{0,2000}[^\s_]|[^\s_])_(?!\w)/, // 4 italic
    /\[([^[\]\n]{1,500})\]\(([^()\s]{1,2000}(?:\([^()\s]*\)[^()\s]*)?)\)/, // 5, 6 link
    ADDRESS,
  ]
    .map((part) => part.source)
    .join("|"),
  "g",
);

/** A bot's text, with markup. */
export function richText(text: string): DocumentFragment {
  const out = document.createDocumentFragment();
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  for (let at = 0; at < lines.length; ) at = block(lines, at, out);
  return out;
}

/** A customer's text: as typed, with clickable addresses. */
export function plainText(text: string): DocumentFragment {
  const out = document.createDocumentFragment();
  split(text, new RegExp(ADDRESS.source, "g"), out, ([address]) => link(address, [address]));
  return out;
}

/** Appends the block that begins at line `at`; returns where the next one begins. */
function block(lines: string[], at: number, out: ParentNode): number {
  const line = lines[at]!;
  if (!line.trim()) return at + 1;
  if (FENCE.test(line)) return codeBlock(lines, at, out);
  if (BULLET.test(line)) return list(lines, at, BULLET, el("ul"), out);
  const numbered = NUMBER.exec(line);
  if (numbered) return list(lines, at, NUMBER, el("ol", { start: numbered[1]! }), out);
  const heading = HEADING.exec(line);
  if (heading) {
    out.append(el("p", {}, el("strong", {}, inline(heading[1]!))));
    return at + 1;
  }
  return paragraph(lines, at, out);
}

function paragraph(lines: string[], at: number, out: ParentNode): number {
  let end = at + 1;
  while (end < lines.length && lines[end]!.trim() && ![FENCE, BULLET, NUMBER, HEADING].some((other) => other.test(lines[end]!))) end++;
  out.append(el("p", {}, inline(lines.slice(at, end).join("\n"))));
  return end;
}

function list(lines: string[], at: number, item: RegExp, box: HTMLElement, out: ParentNode): number {
  for (let match; at < lines.length && (match = item.exec(lines[at]!)); at++) box.append(el("li", {}, inline(match.at(-1)!)));
  out.append(box);
  return at;
}

function codeBlock(lines: string[], at: number, out: ParentNode): number {
  const rest = lines.slice(at + 1);
  const length = rest.findIndex((line) => FENCE.test(line));
  const code = length < 0 ? rest : rest.slice(0, length);
  out.append(el("pre", { dir: "ltr", tabindex: "0" }, el("code", {}, code.join("\n"))));
  return at + code.length + 2;
}

function inline(text: string, depth = 0): DocumentFragment {
  const out = document.createDocumentFragment();
  if (depth > DEEPEST) {
    out.append(text);
    return out;
  }
  split(text, INLINE, out, ([all, code, bold, starred, underscored, label, target]) => {
    if (code !== undefined) return el("code", { dir: "ltr" }, code);
    if (bold !== undefined) return el("strong", {}, inline(bold, depth + 1));
    const italic = starred ?? underscored;
    if (italic !== undefined) return el("em", {}, inline(italic, depth + 1));
    if (target !== undefined) return link(target, [inline(label!, DEEPEST)], all);
    return link(all, [all]);
  });
  return out;
}

/** Appends `text` to `out` with every match of `pattern` replaced by a node. */
function split(text: string, pattern: RegExp, out: ParentNode, make: (match: RegExpMatchArray & { 0: string }) => Node): void {
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    out.append(text.slice(from, match.index), make(match));
    from = match.index + match[0].length;
  }
  out.append(text.slice(from));
}
