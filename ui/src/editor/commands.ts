import { byId } from "../page/events";
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
    "find": () => find(canvas),
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
    "start-when": () => withNode(canvas, ({ id }) => void import("./flow").then(({ openFlow }) => openFlow(canvas, `triggers?node=${id}`))),
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

/** The dialog opens at once, so that no key is lost while its script loads. */
function find(canvas: FlowCanvas): void {
  const input = byId<HTMLInputElement>("find-input");
  const dialog = byId<HTMLDialogElement>("find");
  if (!input || !dialog || dialog.open) return;
  input.value = "";
  dialog.showModal();
  input.focus();
  let entered = false;
  const loaded = new AbortController();
  input.addEventListener("keydown", ({ key }) => (entered ||= key === "Enter"), { signal: loaded.signal });
  void import("./find").then(({ openFind }) => {
    loaded.abort();
    openFind(canvas, entered);
  });
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

/** Right click, long press or the menu key: what can be done here. */
function startContextMenu(canvas: FlowCanvas): void {
  canvas.addEventListener("contextmenu", (event) => {
    const on = event.target as Element;
    if (on.closest(".fc-ui")) return;
    event.preventDefault();
    const { clientX, clientY } = event;
    if (!canvas.readonly) void import("./quick").then(({ offerActions }) => offerActions(canvas, on, clientX, clientY));
  });
}
