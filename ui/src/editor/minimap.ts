import type { FlowCanvas } from "./canvas";
import { boundsOf } from "./geometry";

const WIDTH = 176;
const HEIGHT = 112;

/** The whole flow in a corner; a click or drag moves the view. */
export class Minimap {
  private scale = { left: 0, top: 0, factor: 1, dx: 0, dy: 0 };
  private colours: { node: string; accent: string } | null = null;

  constructor(
    private readonly canvas: FlowCanvas,
    private readonly picture: HTMLCanvasElement,
  ) {
    picture.addEventListener("pointerdown", (event) => this.startMoving(event));
    document.addEventListener("theme:change", () => {
      this.colours = null;
      canvas.redraw();
    });
  }

  draw(): void {
    if (!this.picture.offsetParent) return;
    const pen = this.prepare();
    const { viewport, selection } = this.canvas;
    const seen = viewport.visible();
    const all = boundsOf(this.canvas.nodes.values()) ?? seen;
    const left = Math.min(all.left, seen.left);
    const top = Math.min(all.top, seen.top);
    const width = Math.max(all.right, seen.right) - left;
    const height = Math.max(all.bottom, seen.bottom) - top;
    const factor = Math.min(WIDTH / width, HEIGHT / height) * 0.94;
    const dx = (WIDTH - width * factor) / 2;
    const dy = (HEIGHT - height * factor) / 2;
    this.scale = { left, top, factor, dx, dy };
    const { node: nodeColour, accent } = (this.colours ??= this.readColours());
    for (const node of this.canvas.nodes.values()) {
      pen.fillStyle = selection.has(node.id) ? accent : nodeColour;
      pen.fillRect(dx + (node.x - left) * factor, dy + (node.y - top) * factor, Math.max(2, node.w * factor), Math.max(2, node.h * factor));
    }
    pen.strokeStyle = accent;
    pen.lineWidth = 1.5;
    pen.strokeRect(dx + (seen.left - left) * factor, dy + (seen.top - top) * factor, (seen.right - seen.left) * factor, (seen.bottom - seen.top) * factor);
  }

  private prepare(): CanvasRenderingContext2D {
    const ratio = devicePixelRatio || 1;
    if (this.picture.width !== WIDTH * ratio) {
      this.picture.width = WIDTH * ratio;
      this.picture.height = HEIGHT * ratio;
    }
    const pen = this.picture.getContext("2d")!;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, WIDTH, HEIGHT);
    return pen;
  }

  private readColours(): { node: string; accent: string } {
    const style = getComputedStyle(this.canvas);
    return { node: style.getPropertyValue("--canvas-mini-node"), accent: style.getPropertyValue("--primary") };
  }

  private startMoving(down: PointerEvent): void {
    down.stopPropagation();
    const stop = new AbortController();
    const move = (event: PointerEvent): void => {
      const box = this.picture.getBoundingClientRect();
      const { left, top, factor, dx, dy } = this.scale;
      this.canvas.viewport.centreOn({ x: (event.clientX - box.left - dx) / factor + left, y: (event.clientY - box.top - dy) / factor + top });
    };
    move(down);
    this.picture.setPointerCapture(down.pointerId);
    this.picture.addEventListener("pointermove", move, { signal: stop.signal });
    for (const end of ["pointerup", "pointercancel"]) this.picture.addEventListener(end, () => stop.abort(), { signal: stop.signal });
  }
}
