import type { FlowCanvas } from "./canvas";
import { dragNodes } from "./drag";
import { marquee } from "./marquee";

const DRAG_THRESHOLD = 4;
const EDGE = 28;
const EDGE_SPEED = 12;

/** What one finger or mouse button does until it is lifted. `start` is called once it has really moved. */
export interface Gesture {
  scrollsAtEdge?: boolean;
  start?(event: PointerEvent): void;
  move?(event: PointerEvent): void;
  end?(event: PointerEvent, moved: boolean): void;
  cancel?(): void;
}

/** Turns pointer events on the canvas into gestures: pan, drag, connect, marquee; two fingers pinch. */
export class Gestures {
  private readonly pointers = new Map<number, PointerEvent>();
  private abortGesture: (() => void) | null = null;
  /** While the space bar is held, dragging anything pans. */
  panning = false;

  constructor(private readonly canvas: FlowCanvas) {
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  get active(): boolean {
    return this.abortGesture !== null;
  }

  abort(): void {
    this.abortGesture?.();
  }

  private down(event: PointerEvent): void {
    const on = event.target as Element;
    if (on.closest(".fc-ui")) return;
    this.pointers.set(event.pointerId, event);
    if (this.pointers.size === 2) return this.pinch();
    const { canvas } = this;
    const node = on.closest("flow-node");
    if (canvas.connecting.active) {
      this.pointers.clear();
      if (!node) return canvas.connecting.cancel();
      event.preventDefault();
      return canvas.connecting.finish(node);
    }
    if (event.button === 1 || this.panning) return this.run(event, this.pan(event));
    if (event.button !== 0) return this.pointers.clear();
    const port = on.closest<HTMLElement>("[data-port]")?.dataset["port"];
    const edge = on.closest<SVGElement>("[data-edge]")?.dataset["edge"];
    if (node && port && port !== "in" && !canvas.readonly) {
      event.preventDefault();
      return this.run(event, canvas.connecting.drag(node, port));
    }
    if (node) return this.run(event, dragNodes(canvas, event, node));
    if (edge) return this.chooseEdge(event, edge);
    this.run(event, event.shiftKey ? marquee(canvas, event) : this.pan(event));
  }

  private chooseEdge(event: PointerEvent, edge: string): void {
    this.pointers.clear();
    if (event.shiftKey) this.canvas.selection.add(edge);
    else this.canvas.selection.only(edge);
    this.canvas.focus({ preventScroll: true });
  }

  private run(first: PointerEvent, gesture: Gesture): void {
    const { canvas } = this;
    const listeners = new AbortController();
    let moved = false;
    let last = first;
    let frame = 0;
    const scroll = window.setInterval(() => {
      if (moved && gesture.scrollsAtEdge && this.scrollAtEdge(last)) gesture.move?.(last);
    }, 16);
    const stop = (event: PointerEvent, cancelled: boolean): void => {
      listeners.abort();
      clearInterval(scroll);
      cancelAnimationFrame(frame);
      this.pointers.delete(first.pointerId);
      this.abortGesture = null;
      if (cancelled) return gesture.cancel?.();
      if (moved) gesture.move?.(event);
      gesture.end?.(event, moved);
    };
    const move = (event: PointerEvent): void => {
      last = event;
      if (!moved) {
        if (Math.hypot(event.clientX - first.clientX, event.clientY - first.clientY) < DRAG_THRESHOLD) return;
        moved = true;
        canvas.setPointerCapture(first.pointerId);
        gesture.start?.(event);
      }
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        gesture.move?.(last);
      });
    };
    const mine = (act: (event: PointerEvent) => void) => (event: PointerEvent) => event.pointerId === first.pointerId && act(event);
    this.abortGesture = () => stop(first, true);
    window.addEventListener("pointermove", mine(move), { signal: listeners.signal });
    window.addEventListener("pointerup", mine((event) => stop(event, false)), { signal: listeners.signal });
    window.addEventListener("pointercancel", mine((event) => stop(event, true)), { signal: listeners.signal });
  }

  private scrollAtEdge(at: PointerEvent): boolean {
    const box = this.canvas.getBoundingClientRect();
    const dx = at.clientX < box.left + EDGE ? EDGE_SPEED : at.clientX > box.right - EDGE ? -EDGE_SPEED : 0;
    const dy = at.clientY < box.top + EDGE ? EDGE_SPEED : at.clientY > box.bottom - EDGE ? -EDGE_SPEED : 0;
    if (dx || dy) this.canvas.viewport.panBy(dx, dy);
    return dx !== 0 || dy !== 0;
  }

  private pan(first: PointerEvent): Gesture {
    const { canvas } = this;
    const { x, y } = canvas.viewport;
    const stop = (): void => canvas.classList.remove("panning");
    return {
      start: () => canvas.classList.add("panning"),
      move: (event) => canvas.viewport.panTo(x + event.clientX - first.clientX, y + event.clientY - first.clientY),
      end: (_event, moved) => {
        stop();
        if (moved || first.button !== 0) return;
        canvas.selection.clear();
        canvas.focus({ preventScroll: true });
      },
      cancel: stop,
    };
  }

  private pinch(): void {
    const fingers = new Map(this.pointers); // read before the first finger's gesture is aborted, which forgets it
    this.abort();
    const listeners = new AbortController();
    const measure = (): { x: number; y: number; apart: number } => {
      const [a, b] = [...fingers.values()] as [PointerEvent, PointerEvent];
      return { x: (a.clientX + b.clientX) / 2, y: (a.clientY + b.clientY) / 2, apart: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) };
    };
    let last = measure();
    const move = (event: PointerEvent): void => {
      if (!fingers.has(event.pointerId)) return;
      fingers.set(event.pointerId, event);
      const now = measure();
      const { viewport } = this.canvas;
      viewport.panBy(now.x - last.x, now.y - last.y);
      viewport.zoomAt(now.x, now.y, (viewport.k * now.apart) / Math.max(1, last.apart));
      last = now;
    };
    const end = (event: PointerEvent): void => {
      if (!fingers.has(event.pointerId)) return;
      listeners.abort();
      this.pointers.clear();
    };
    window.addEventListener("pointermove", move, { signal: listeners.signal });
    window.addEventListener("pointerup", end, { signal: listeners.signal });
    window.addEventListener("pointercancel", end, { signal: listeners.signal });
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const { viewport } = this.canvas;
    if (event.ctrlKey || event.metaKey) viewport.zoomAt(event.clientX, event.clientY, viewport.k * Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0022)));
    else viewport.panBy(-(event.shiftKey ? event.deltaY || event.deltaX : event.deltaX), event.shiftKey ? 0 : -event.deltaY);
  }
}
