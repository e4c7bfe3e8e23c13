// Finds the names of the Lucide icons in use: every quoted word inside a Jinja tag, every "icon" of a node, and every icon named in Python or TypeScript,
// as far as Lucide has an icon of that name.
import fs from "node:fs";
import path from "node:path";

const QUOTED = /["']([a-z][a-z0-9]*(?:-[a-z0-9]+)*)["']/g;
const NOT_AN_ICON = /(?<!\w)(?:variant|type|size|name|id|"data-[\w-]+")\s*[=:]\s*$/;
const TAG = /\{[{%][\s\S]*?[}%]\}/g;
const SOURCES = [
  { folder: "ui/templates", extension: ".html", areas: (text) => text.match(TAG) ?? [] },
  { folder: "ui/src", extension: ".ts", areas: (text) => text.match(/\bicon\([^)]*\)/g) ?? [] },
  { folder: "node_library", extension: ".json", areas: (text) => text.match(/"icon"\s*:\s*"[^"]*"/g) ?? [] },
  { folder: "server", extension: ".py", areas: (text) => text.match(/\bicon["']?\s*[=:(][^,)}\n]*/g) ?? [] },
];

/** What the editor page shows at once, and what every script may show: these icons are in the first sprite, the others in the second. */
const FIRST = /^ui\/(?:src\/|templates\/(?:_ui|_fields|editor\/(?:editor|_around|_canvas_tools|_dialogs|_find|_form|_node|_quick|_top))\.html)/;

/** The icons of both sprites: {first: [{name, file}], more: [{name, file}]}. A step's own picture is called "node-" and its type. */
export function icons(root) {
  const lucide = (name) => path.join(root, "node_modules/lucide-static/icons", `${name}.svg`);
  const known = (name) => fs.existsSync(lucide(name));
  const entry = (name) => ({ name, file: lucide(name) });
  const first = usedNames(root, known, (file) => FIRST.test(file));
  const more = usedNames(root, known, () => true).filter((name) => !first.includes(name));
  const steps = filesIn(path.join(root, "node_library"), "icon.svg").map((file) => ({ name: `node-${path.basename(path.dirname(file))}`, file }));
  return { first: [...first.map(entry), ...steps.sort((a, b) => a.name.localeCompare(b.name))], more: more.map(entry) };
}

function usedNames(root, known, wanted) {
  const found = new Set();
  for (const { folder, extension, areas } of SOURCES) {
    for (const file of filesIn(path.join(root, folder), extension)) {
      if (!wanted(path.relative(root, file).split(path.sep).join("/"))) continue;
      for (const area of areas(fs.readFileSync(file, "utf8"))) {
        for (const { 1: name, index } of area.matchAll(QUOTED)) {
          if (known(name) && !NOT_AN_ICON.test(area.slice(0, index))) found.add(name);
        }
      }
    }
  }
  return [...found].sort();
}

function filesIn(folder, extension) {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(extension))
    .map((name) => path.join(folder, name));
}
