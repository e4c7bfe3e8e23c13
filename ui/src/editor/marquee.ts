import type { FlowCanvas } from "./canvas";
import { overlaps } from "./geometry";
import type { Gesture } from "./gestures";

/** A rectangle drawn with Shift held: it chooses the steps it touches. */
export function marquee(canvas: FlowCanvas, first: PointerEvent): Gesture {
  const box = canvas.querySelector<HTMLElement>(".fc-marquee")!;
  const frame = canvas.getBoundingClientRect();
  const before = canvas.selection.nodes().map((node) => node.id);
  return {
    start: () => {
      box.hidden = false;
    },
    move: (event) => {
      const left = Math.min(event.clientX, first.clientX);
      const top = Math.min(event.clientY, first.clientY);
      const right = Math.max(event.clientX, first.clientX);
      const bottom = Math.max(event.clientY, first.clientY);
      Object.assign(box.style, { left: `${left - frame.left}px`, top: `${top - frame.top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
      const from = canvas.viewport.toWorld(left, top);
      const to = canvas.viewport.toWorld(right, bottom);
      const area = { left: from.x, top: from.y, right: to.x, bottom: to.y };
      canvas.selection.replace([...before, ...[...canvas.nodes.values()].filter((node) => overlaps(node, area)).map((node) => node.id)]);
    },
    end: () => {
      box.hidden = true;
      canvas.announce(`${canvas.selection.nodes().length} steps selected`);
    },
    cancel: () => {
      box.hidden = true;
    },
  };
}
