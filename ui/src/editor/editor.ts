import { announce, byId, onClick } from "../page/events";
import { defineCanvas, type FlowCanvas } from "./canvas";
import { startCommands } from "./commands";
import type { CanvasEvents } from "./operation";
import { startPalette } from "./palette";
import type { Panel } from "./panel";
import { Sync } from "./sync";
import { startTrace } from "./trace";

function start(canvas: FlowCanvas): void {
  let panel: Promise<Panel> | null = null;
  const firstPanel = (): Promise<Panel> => (panel ??= import("./panel").then(({ Panel }) => new Panel(canvas, sync)));
  const sync = new Sync(canvas, () => void panel?.then((shown) => shown.refresh()));
  const on = <Name extends keyof CanvasEvents>(name: Name, act: (detail: CanvasEvents[Name]) => void): void =>
    canvas.addEventListener(name as keyof HTMLElementEventMap, (event) => act((event as CustomEvent<CanvasEvents[Name]>).detail));

  on("flow:op", (operation) => sync.operate(operation));
  on("flow:history", ({ direction }) => sync.history(direction));
  on("flow:announce", ({ text }) => announce(text));
  on("flow:open", ({ id, focus, field }) => void firstPanel().then((shown) => shown.open(id, focus, field)));
  on("flow:select", ({ ids }) => {
    if (!ids.length) void panel?.then((shown) => shown.close());
  });
  on("flow:view", ({ k }) => {
    const zoom = byId("zoom");
    if (zoom) zoom.textContent = `${Math.round(k * 100)}%`;
  });
  document.addEventListener("flow:changed", () => void panel?.then((shown) => shown.refresh()));
  onClick("[data-goto]", (button) => {
    const node = canvas.nodes.get(button.dataset["goto"] ?? "");
    button.closest("dialog")?.close();
    if (node) canvas.goTo(node, button.dataset["gotoField"]);
  });

  const goToNamed = (): void => {
    const named = canvas.nodes.get(location.hash.slice(1));
    if (named) canvas.goTo(named);
  };
  requestAnimationFrame(goToNamed);
  window.addEventListener("hashchange", goToNamed);
  startCommands(canvas, sync);
  on("flow:quickadd", (next) => void import("./quick").then(({ offerNext }) => offerNext(canvas, next)));
  startTrace(canvas);
  const palette = document.querySelector<HTMLElement>(".palette");
  if (palette) startPalette(canvas, palette);
}

defineCanvas();
const canvas = byId<FlowCanvas>("canvas");
if (canvas) start(canvas);
