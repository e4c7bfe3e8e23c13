import type { FlowCanvas } from "./canvas";
import { GRID } from "./geometry";
import type { FlowNode } from "./node";

const ARROWS: Record<string, readonly [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Everything the mouse can do, from the keyboard. Returns whether the key meant something. */
export function keyPressed(canvas: FlowCanvas, event: KeyboardEvent): boolean {
  const node = (event.target as Element).closest("flow-node");
  if (event.ctrlKey || event.metaKey) return withControl(canvas, event);
  if (ARROWS[event.key]) return arrow(canvas, event, node);
  return plain(canvas, event, node);
}

function withControl(canvas: FlowCanvas, event: KeyboardEvent): boolean {
  switch (event.key.toLowerCase()) {
    case "z":
      canvas.emit("flow:history", { direction: event.shiftKey ? "redo" : "undo" });
      return true;
    case "y":
      canvas.emit("flow:history", { direction: "redo" });
      return true;
    case "a":
      canvas.selection.replace(canvas.nodes.keys());
      canvas.announce(`${canvas.nodes.size} steps selected`);
      return true;
    case "c":
      canvas.clipboard.copy();
      return true;
    case "x":
      canvas.clipboard.copy();
      canvas.removeSelected();
      return true;
    case "v":
      canvas.clipboard.paste();
      return true;
    case "d":
      canvas.clipboard.duplicate();
      return true;
    default:
      return false;
  }
}

function plain(canvas: FlowCanvas, event: KeyboardEvent, node: FlowNode | null): boolean {
  switch (event.key) {
    case "Escape":
      if (canvas.gestures.active) canvas.gestures.abort();
      else if (canvas.connecting.active) canvas.connecting.cancel();
      else canvas.selection.clear();
      return true;
    case "Delete":
    case "Backspace":
      canvas.removeSelected();
      return true;
    case "+":
    case "=":
      canvas.viewport.zoomBy(1.2);
      return true;
    case "-":
      canvas.viewport.zoomBy(1 / 1.2);
      return true;
    case "0":
      canvas.fit();
      return true;
    case "1":
      canvas.viewport.zoomBy(1 / canvas.viewport.k);
      return true;
    case "Home":
      canvas.focusStart();
      return true;
    default:
      return node !== null && onNode(canvas, event, node);
  }
}

function onNode(canvas: FlowCanvas, event: KeyboardEvent, node: FlowNode): boolean {
  switch (event.key.toLowerCase()) {
    case "enter":
      if (canvas.connecting.active) canvas.connecting.finish(node);
      else canvas.open(node, true);
      return true;
    case " ":
      canvas.selection.toggle(node.id);
      return true;
    case "c":
      if (!canvas.readonly) canvas.connecting.beginNext(node);
      return true;
    case "n":
      if (!canvas.readonly) offerNext(canvas, node);
      return true;
    default:
      return false;
  }
}

function offerNext(canvas: FlowCanvas, node: FlowNode): void {
  const free = node.ports.find((port) => !canvas.edgeFrom(node.id, port.dataset["port"]!)) ?? node.ports[0];
  if (!free) return;
  const box = free.getBoundingClientRect();
  canvas.offerNext(node, free.dataset["port"]!, box.right + 72 * canvas.viewport.k, box.top);
}

function arrow(canvas: FlowCanvas, event: KeyboardEvent, node: FlowNode | null): boolean {
  const [dx, dy] = ARROWS[event.key]!;
  if (event.altKey || event.shiftKey) {
    const step = event.shiftKey ? GRID * 5 : GRID;
    canvas.nudge(dx * step, dy * step);
    return true;
  }
  const start = node ?? canvas.selection.nodes()[0];
  const next = node ? nearest(canvas, node, dx, dy) : (start ?? canvas.startNode());
  if (!next) return true;
  if (canvas.connecting.active) canvas.connecting.hover(next);
  canvas.focusNode(next);
  return true;
}

/** The closest step in a direction; what lies straight ahead counts as closer. */
function nearest(canvas: FlowCanvas, from: FlowNode, dx: number, dy: number): FlowNode | null {
  let best: FlowNode | null = null;
  let bestScore = Infinity;
  for (const node of canvas.nodes.values()) {
    if (node === from) continue;
    const x = node.x + node.w / 2 - from.x - from.w / 2;
    const y = node.y + node.h / 2 - from.y - from.h / 2;
    const ahead = x * dx + y * dy;
    if (ahead <= 4) continue;
    const score = ahead + 2 * Math.abs(dx ? y : x);
    if (score < bestScore) {
      bestScore = score;
      best = node;
    }
  }
  return best;
}
