import type { FlowCanvas } from "./canvas";
import type { Guide } from "./drawing";
import { onGrid, overlaps, type Box, type Point } from "./geometry";
import type { Gesture } from "./gestures";
import type { FlowNode } from "./node";

const SNAP_SCREEN = 6;
const SNAP_WORLD = 10; // zoomed out, six screen pixels would grab everything
const MANY = 20;

interface Snap extends Guide {
  distance: number;
  position: number;
}

/** Moves the chosen cards, snapping to the grid and to the edges and middles of other cards; without moving it is a click. */
export function dragNodes(canvas: FlowCanvas, first: PointerEvent, node: FlowNode): Gesture {
  let moving: { node: FlowNode; from: Point }[] = [];
  let others: FlowNode[] = [];
  let grabbed: Point = { x: 0, y: 0 };

  const stop = (): void => {
    canvas.drawing.showGuides([]);
    canvas.classList.remove("dragging");
    for (const one of moving) one.node.set("dragging", false);
  };

  return {
    scrollsAtEdge: true,
    start() {
      if (canvas.readonly) return;
      if (!canvas.selection.has(node.id)) canvas.selection.replace(first.shiftKey ? [...canvas.selection.nodes().map((one) => one.id), node.id] : [node.id]);
      moving = canvas.selection.nodes().map((one) => ({ node: one, from: { x: one.x, y: one.y } }));
      grabbed = canvas.viewport.toWorld(first.clientX, first.clientY);
      others = moving.length > MANY ? [] : visibleOthers(canvas, new Set(moving.map((one) => one.node)));
      for (const one of moving) one.node.set("dragging", true);
      canvas.classList.add("dragging");
    },
    move(event) {
      const lead = moving.find((one) => one.node === node);
      if (!lead) return;
      const at = canvas.viewport.toWorld(event.clientX, event.clientY);
      const wanted = { x: lead.from.x + at.x - grabbed.x, y: lead.from.y + at.y - grabbed.y };
      const snaps = event.altKey ? [] : alignment({ ...wanted, w: node.w, h: node.h }, others, canvas.viewport.k);
      const across = snaps.find((snap) => snap.vertical)?.position ?? onGrid(wanted.x);
      const down = snaps.find((snap) => !snap.vertical)?.position ?? onGrid(wanted.y);
      canvas.drawing.showGuides(snaps);
      for (const one of moving) one.node.place(one.from.x + Math.round(across) - lead.from.x, one.from.y + Math.round(down) - lead.from.y);
    },
    end(_event, moved) {
      stop();
      if (moved && moving.length) canvas.moved(moving.map((one) => one.node));
      else if (!moved) click(canvas, first, node);
      canvas.focusNode(node);
    },
    cancel() {
      stop();
      for (const { node: one, from } of moving) one.place(from.x, from.y);
    },
  };
}

function click(canvas: FlowCanvas, event: PointerEvent, node: FlowNode): void {
  if (event.shiftKey) return canvas.selection.toggle(node.id);
  canvas.selection.only(node.id);
  canvas.open(node, false);
}

function visibleOthers(canvas: FlowCanvas, moving: ReadonlySet<FlowNode>): FlowNode[] {
  const seen = canvas.viewport.visible();
  return [...canvas.nodes.values()].filter((node) => !moving.has(node) && overlaps(node, seen));
}

function alignment(box: Box, others: Box[], zoom: number): Snap[] {
  const reach = Math.min(SNAP_SCREEN / zoom, SNAP_WORLD);
  const best: { x: Snap | null; y: Snap | null } = { x: null, y: null };
  for (const other of others) {
    for (const share of [0, 0.5, 1]) {
      const lineX = other.x + other.w * share;
      const lineY = other.y + other.h * share;
      const dx = Math.abs(box.x + box.w * share - lineX);
      const dy = Math.abs(box.y + box.h * share - lineY);
      if (dx < (best.x?.distance ?? reach)) {
        best.x = { vertical: true, distance: dx, position: lineX - box.w * share, at: lineX, from: Math.min(box.y, other.y), to: Math.max(box.y + box.h, other.y + other.h) };
      }
      if (dy < (best.y?.distance ?? reach)) {
        best.y = { vertical: false, distance: dy, position: lineY - box.h * share, at: lineY, from: Math.min(box.x, other.x), to: Math.max(box.x + box.w, other.x + other.w) };
      }
    }
  }
  return [best.x, best.y].filter((snap) => snap !== null);
}
