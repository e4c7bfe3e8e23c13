// Builds ui/static/dist: hashed scripts and styles, the icon sprites, lazily loaded libraries, and manifest.json that maps plain names to hashed ones.
// Usage: node ui/build.mjs [--dev]
import * as esbuild from "esbuild";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { icons } from "./icons.mjs";
import { pruneCss } from "./prune.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const src = path.join(root, "ui/src");
const out = path.join(root, "ui/static/dist");
const modules = path.join(root, "node_modules");
const dev = process.argv.includes("--dev");

/** Names of the files that this build made; what earlier builds left goes at the end, so that a running server never misses a file. */
const made = new Set(["manifest.json", "preload.json", "sprites.json"]);
/** plain name -> hashed name */
const manifest = {};
/** plain name -> hashed names it imports statically, for <link rel="modulepreload"> */
const preload = {};

function put(name, data) {
  const hash = createHash("sha256").update(data).digest("hex").slice(0, 8).toUpperCase();
  const { name: stem, ext } = path.parse(name);
  const hashed = `${stem}-${hash}${ext}`;
  fs.writeFileSync(path.join(out, hashed), data);
  made.add(hashed);
  manifest[name] = hashed;
}

function sprite(icons) {
  const symbols = icons.map(({ name, file }) => {
    const svg = fs.readFileSync(file, "utf8");
    const inner = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>")).replace(/\s*\n\s*/g, "");
    return `<symbol id="${name}" viewBox="0 0 24 24">${inner}</symbol>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`;
}

function record(metafile) {
  for (const [file, meta] of Object.entries(metafile.outputs)) {
    made.add(path.basename(file));
    if (!meta.entryPoint || !/\.(js|css)$/.test(file) || /^chunk-/.test(path.basename(file))) continue;
    const hashed = path.basename(file);
    const name = hashed.replace(/-[A-Z0-9]{8}(\.\w+)$/, "$1");
    manifest[name] = hashed;
    const needed = meta.imports.filter((one) => one.kind === "import-statement").map((one) => path.basename(one.path));
    if (needed.length) preload[name] = needed;
  }
}

const shared = {
  absWorkingDir: root,
  bundle: true,
  minify: !dev,
  sourcemap: dev ? "inline" : false,
  target: ["es2022", "chrome125", "firefox126", "safari17.4"],
  outdir: out,
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[name]-[hash]",
  assetNames: "[name]-[hash]",
  metafile: true,
  logLevel: "error",
};

const basecoat = {
  name: "basecoat",
  setup(build) {
    build.onLoad({ filter: /basecoat-[\w.]+\.css$/ }, ({ path: file }) => ({
      contents: pruneCss(fs.readFileSync(file, "utf8")),
      loader: "css",
    }));
  },
};

const existing = (entries) => Object.fromEntries(Object.entries(entries).filter(([, file]) => fs.existsSync(path.join(src, file))).map(([name, file]) => [name, `ui/src/${file}`]));

/** Pages of the application: modules that share chunks, and style sheets. */
const pages = () =>
  esbuild.build({
    ...shared,
    entryPoints: existing({ app: "app.ts", editor: "editor/editor.ts", charts: "charts.ts" }),
    splitting: true,
    format: "esm",
  });

const styles = () =>
  esbuild.build({
    ...shared,
    entryPoints: existing({ app: "css/app.css", pages: "css/pages.css", editor: "css/editor.css", flow: "css/flow.css", preview: "css/preview.css" }),
    plugins: [basecoat],
    loader: { ".woff2": "file" },
  });

/** A style sheet that a script carries as text. */
const carried = {
  name: "carried",
  setup(build) {
    build.onLoad({ filter: /\/widget\/[\w.]+\.css$/ }, async ({ path: file }) => {
      const { code } = await esbuild.transform(fs.readFileSync(file, "utf8"), { loader: "css", minify: !dev, target: shared.target });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

/** The widget's parts: modules that bring what they need, because one more request would cost more than the few bytes they share. */
const PARTS = ["asks", "chime", "files", "person", "rich"];

const parts = () =>
  esbuild.build({
    ...shared,
    entryPoints: Object.fromEntries(PARTS.map((name) => [`widget-${name}`, `ui/src/widget/${name}.ts`])),
    format: "esm",
    plugins: [carried],
    define: { LANGUAGES: "{}", PARTS: "{}" },
  });

/** The widget's words, one file for each language; English is built in. */
function languages() {
  const folder = path.join(src, "widget/strings");
  const codes = fs.readdirSync(folder).map((file) => path.parse(file).name);
  for (const code of codes) put(`widget-${code}.json`, JSON.stringify(JSON.parse(fs.readFileSync(path.join(folder, `${code}.json`), "utf8"))));
  return codes.filter((code) => code !== "en");
}

/** Scripts that stand alone: one classic file each, because they run before or outside our modules. The widget knows the names of its parts. */
const alone = (languages) => {
  const named = (names, ending) => JSON.stringify(Object.fromEntries(names.map((name) => [name, `./${manifest[`widget-${name}${ending}`]}`])));
  return esbuild.build({
    ...shared,
    entryPoints: existing({ theme: "theme.ts", widget: "widget/widget.ts" }),
    format: "iife",
    plugins: [carried],
    define: { LANGUAGES: named(languages, ".json"), PARTS: named(PARTS, ".js") },
    loader: { ".svg": "text" },
  });
};

fs.mkdirSync(out, { recursive: true });
const { first, more } = icons(root);
put("icons.svg", sprite(first));
put("more-icons.svg", sprite(more));
put("favicon.svg", fs.readFileSync(path.join(src, "favicon.svg")));
put("plotly.js", fs.readFileSync(path.join(modules, "plotly.js-basic-dist-min/plotly-basic.min.js")));
for (const result of await Promise.all([pages(), styles(), parts()])) record(result.metafile);
record((await alone(languages())).metafile);
const json = (value) => JSON.stringify(Object.fromEntries(Object.entries(value).sort()), null, 1) + "\n";
fs.writeFileSync(path.join(out, "preload.json"), json(preload));
fs.writeFileSync(path.join(out, "sprites.json"), json(Object.fromEntries(more.map(({ name }) => [name, "more-icons.svg"]))));
fs.writeFileSync(path.join(out, "manifest.part"), json(manifest));
fs.renameSync(path.join(out, "manifest.part"), path.join(out, "manifest.json")); // last: who sees a manifest sees every file it names
for (const file of fs.readdirSync(out)) if (!made.has(file)) fs.rmSync(path.join(out, file));
