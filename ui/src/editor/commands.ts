import { byId } from "../page/events";
import { show } from "./quick";
import type { FlowCanvas } from "./canvas";
import type { Sync } from "./sync";

/** Buttons and menu items with `data-cmd`, the context menu, and the keys that work anywhere on the page. */
export function startCommands(canvas: FlowCanvas, sync: Sync): void {
  const commands: Record<string, (from: HTMLElement) => void> = {
    "undo": () => sync.history("undo"),
    "redo": () => sync.history("redo"),
    "zoom-in": () => canvas.viewport.zoomBy(1.25),
    "zoom-out": () => canvas.viewport.zoomBy(0.8),
    "fit": () => canvas.fit(),
    "tidy": () => void import("./layout").then(({ tidy }) => tidy(canvas)),
    "test": () => byId("tab-test")?.click(),
    "find": () => void import("./find").then(({ openFind }) => openFind(canvas)),
    "shortcuts": () => void import("./shortcuts").then(({ showShortcuts }) => showShortcuts(byId<HTMLDialogElement>("shortcuts")!)),
    "copy": () => canvas.clipboard.copy(),
    "paste": () => canvas.clipboard.paste(),
    "duplicate": () => canvas.clipboard.duplicate(),
    "delete": () => canvas.removeSelected(),
    "align-left": () => void import("./layout").then(({ align }) => align(canvas, "left")),
    "align-top": () => void import("./layout").then(({ align }) => align(canvas, "top")),
    "select-all": () => canvas.selection.replace(canvas.nodes.keys()),
    "edit": () => withNode(canvas, (node) => canvas.open(node, true)),
    "connect": () => withNode(canvas, (node) => canvas.connecting.beginNext(node)),
    "start": () => withNode(canvas, (node) => canvas.makeStart(node)),
    "insert": (from) => {
      const [edge] = canvas.selection.edges();
      const box = from.getBoundingClientRect();
      if (edge) canvas.offerBetween(edge, box.left + box.width / 2, box.top + box.height / 2);
    },
  };
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-cmd]");
    commands[button?.dataset["cmd"] ?? ""]?.(button!);
  });
  document.addEventListener("keydown", (event) => anywhere(event, commands));
  startContextMenu(canvas);
}

function withNode(canvas: FlowCanvas, act: (node: ReturnType<FlowCanvas["selection"]["nodes"]>[number]) => void): void {
  const [node] = canvas.selection.nodes();
  if (node) act(node);
}

function anywhere(event: KeyboardEvent, commands: Record<string, (from: HTMLElement) => void>): void {
  const typing = (event.target as Element).matches?.("input, textarea, select, [contenteditable]");
  const control = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  const name = control && key === "k" ? "find" : typing ? "" : control && key === "z" ? (event.shiftKey ? "redo" : "undo") : control && key === "y" ? "redo" : event.key === "?" ? "shortcuts" : "";
  if (!name) return;
  event.preventDefault();
  commands[name]?.(event.target as HTMLElement);
}

/** Right click, long press or the menu key: what can be done here. Items say by `data-for` when they fit. */
function startContextMenu(canvas: FlowCanvas): void {
  const menu = byId("canvas-menu");
  if (!menu) return;
  canvas.addEventListener("contextmenu", (event) => {
    const on = event.target as Element;
    if (on.closest(".fc-ui")) return;
    event.preventDefault();
    if (canvas.readonly) return;
    const thing = on.closest<Element>("flow-node")?.id ?? on.closest<SVGElement>("[data-edge]")?.dataset["edge"];
    if (thing && !canvas.selection.has(thing)) canvas.selection.only(thing);
    const kind = canvas.selection.nodes().length > 1 ? "several" : canvas.selection.nodes().length ? "node" : canvas.selection.edges().length ? "edge" : "empty";
    for (const item of menu.querySelectorAll<HTMLElement>("[data-for]")) item.hidden = !item.dataset["for"]!.split(" ").includes(thing ? kind : "empty");
    const box = on.getBoundingClientRect();
    show(menu, event.clientX || box.left + 16, event.clientY || box.top + 16);
  });
}
