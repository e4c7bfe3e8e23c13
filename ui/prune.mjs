// Leaves out of Basecoat's compiled style sheet the components that no page of ours uses, and its colours: tokens.css has ours.
const UNUSED = new RegExp(
  [
    String.raw`\.(?:accordion|alert|avatar|badge|breadcrumb|button-group|card|chart|combobox|command|drawer|dropdown-menu|empty|field-separator|fieldset|input-group|item|kbd|popover|progress|scrollbar|sidebar|skeleton|table|tabs|toast|toaster)(?![a-z])`,
    String.raw`\.select:not\(select\)`,
    String.raw`\[data-(?:tooltip|popover)\b`,
    String.raw`type='range'`,
    String.raw`data-size='(?:xs|lg|icon-xs|icon-lg)'`,
    String.raw`data-variant='link'`,
  ].join("|"),
);

/** A declaration for browsers without color-mix(), followed by the one for the browsers we support. */
const FALLBACK = /([\w-]+):[^;{}]*;\s*@supports \(color: color-mix\(in lab, red, red\)\) \{\s*(\1:[^;{}]*;)\s*\}/g;

export function pruneCss(css) {
  return [...statements(css.replace(FALLBACK, "$2"))].map(kept).join("");
}

function kept({ head, body }) {
  if (body === undefined) return `${head};`;
  if (head === "@layer properties") return ""; // for browsers without @property
  if (head === ":root" || head === ".dark") return "";
  if (/^@(layer|media|supports)/.test(head)) {
    const inner = pruneCss(body);
    return inner.trim() ? `${head}{${inner}}` : "";
  }
  if (head.startsWith("@")) return `${head}{${body}}`;
  const selectors = splitSelectors(head).filter((one) => !UNUSED.test(outsideOfNot(one)));
  return selectors.length ? `${selectors.join(",")}{${body}}` : "";
}

/** Top-level statements of a piece of CSS without comments: `head;` or `head { body }`. */
function* statements(css) {
  const text = css.replace(/\/\*[\s\S]*?\*\//g, "");
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === ";") {
      yield { head: text.slice(start, at).trim() };
      start = at + 1;
    } else if (text[at] === "{") {
      const end = closing(text, at);
      yield { head: text.slice(start, at).trim(), body: text.slice(at + 1, end) };
      at = end;
      start = end + 1;
    }
  }
}

function closing(text, open) {
  let depth = 0;
  let quote = "";
  for (let at = open; at < text.length; at++) {
    const char = text[at];
    if (quote) {
      if (char === "\\") at++;
      else if (char === quote) quote = "";
    } else if (char === '"' || char === "'") quote = char;
    else if (char === "{") depth++;
    else if (char === "}" && --depth === 0) return at;
  }
  throw new Error("unbalanced braces in the style sheet");
}

function splitSelectors(list) {
  const parts = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < list.length; at++) {
    if ("([".includes(list[at])) depth++;
    else if (")]".includes(list[at])) depth--;
    else if (list[at] === "," && depth === 0) {
      parts.push(list.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, list.slice(start)].map((one) => one.trim());
}

/** A selector that only excludes an unused component is itself in use. */
function outsideOfNot(selector) {
  let text = selector.replace(":not(select)", "¬select");
  for (let previous = ""; previous !== text; ) {
    previous = text;
    text = text.replace(/:not\((?:[^()]|\([^()]*\))*\)/g, "");
  }
  return text.replace("¬select", ":not(select)");
}
