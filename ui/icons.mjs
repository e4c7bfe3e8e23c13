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

/** Every icon of the sprite: {name, file}. A step's own picture is called "node-" and its type. */
export function icons(root) {
  const lucide = (name) => path.join(root, "node_modules/lucide-static/icons", `${name}.svg`);
  const used = usedNames(root, (name) => fs.existsSync(lucide(name))).map((name) => ({ name, file: lucide(name) }));
  const steps = filesIn(path.join(root, "node_library"), "icon.svg").map((file) => ({ name: `node-${path.basename(path.dirname(file))}`, file }));
  return [...used, ...steps.sort((a, b) => a.name.localeCompare(b.name))];
}

function usedNames(root, known) {
  const found = new Set();
  for (const { folder, extension, areas } of SOURCES) {
    for (const file of filesIn(path.join(root, folder), extension)) {
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
