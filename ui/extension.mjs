// Builds the Chrome extension from the widget as it was built for pages: node ui/extension.mjs [--out FOLDER] [--server URL --channel ID] [--name NAME]
import * as esbuild from "esbuild";
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import zlib from "node:zlib";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const dist = path.join(root, "ui/static/dist");
const text = { type: "string", default: "" };
const { values } = parseArgs({ options: { out: { type: "string", default: path.join(root, "build/extension") }, server: text, channel: text, name: text } });
const { out, server, channel, name } = values;

/** The check sum of PNG and zip (CRC-32, ISO 3309). */
function crc32(data) {
  let crc = ~0;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** A picture of `size` x `size` pixels, `color(x, y)` being [red, green, blue, alpha] at a place between 0 and 1 (PNG, ISO/IEC 15948). */
function png(size, color) {
  const rows = Buffer.alloc(size * (size * 4 + 1));
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) rows.set(color((x + 0.5) / size, (y + 0.5) / size), y * (size * 4 + 1) + 1 + x * 4);
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const length = Buffer.alloc(4);
    const check = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(size, 0);
  head.writeUInt32BE(size, 4);
  head.set([8, 6, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", head), chunk("IDAT", zlib.deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

/** A speech bubble on a rounded square. */
function bubble(x, y) {
  const corner = Math.hypot(Math.max(0, Math.abs(x - 0.5) - 0.28), Math.max(0, Math.abs(y - 0.5) - 0.28));
  if (corner > 0.22) return [0, 0, 0, 0];
  const round = Math.hypot(x - 0.53, y - 0.47) < 0.28;
  const tail = x > 0.22 && x < 0.45 && y > 0.55 && y < 0.79 && y - 0.5 < (0.5 - x) * 1.05 && x + y > 0.86;
  return round || tail ? [255, 255, 255, 255] : [91, 80, 230, 255];
}

fs.rmSync(out, { recursive: true, force: true });
fs.mkdirSync(out, { recursive: true });
const source = path.join(root, "ui/extension");
for (const file of fs.readdirSync(source)) fs.copyFileSync(path.join(source, file), path.join(out, file));
const manifest = JSON.parse(fs.readFileSync(path.join(source, "manifest.json"), "utf8"));
fs.writeFileSync(path.join(out, "manifest.json"), JSON.stringify({ ...manifest, ...(name && { name }) }, null, 2) + "\n");
fs.writeFileSync(path.join(out, "preset.json"), JSON.stringify(server && channel ? { server: server.replace(/\/+$/, ""), channel } : {}) + "\n");
fs.writeFileSync(path.join(out, "icon-128.png"), png(128, bubble));
const built = JSON.parse(fs.readFileSync(path.join(dist, "manifest.json"), "utf8"));
for (const [plain, hashed] of Object.entries(built)) if (/^widget[.-]/.test(plain)) fs.copyFileSync(path.join(dist, hashed), path.join(out, plain === "widget.js" ? plain : hashed));
await esbuild.build({
  absWorkingDir: root,
  entryPoints: { panel: "ui/src/extension/panel.ts", background: "ui/src/extension/background.ts" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "iife",
  target: "chrome125",
  logLevel: "error",
});
