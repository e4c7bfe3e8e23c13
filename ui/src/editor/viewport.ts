import { boundsOf, clamp, MAX_ZOOM, MIN_ZOOM, type Bounds, type Box, type Point } from "./geometry";

const MARGIN = 40;
const READABLE = 0.55;
const FAR = 0.3;

/** Which part of the world is shown: x and y are where the world's origin lies on the screen, k is the zoom. */
export class Viewport {
  x = 40;
  y = 40;
  k = 1;

  constructor(
    private readonly element: HTMLElement,
    private readonly world: HTMLElement,
    private readonly changed: () => void,
  ) {}

  apply(): void {
    const { x, y, k, element } = this;
    this.world.style.transform = `translate(${x}px,${y}px) scale(${k})`;
    element.style.backgroundPosition = `${x}px ${y}px`;
    element.style.backgroundSize = `${24 * k}px ${24 * k}px`;
    const detail = k < FAR ? "far" : "near";
    if (element.dataset["lod"] !== detail) element.dataset["lod"] = detail;
    this.changed();
  }

  toWorld(clientX: number, clientY: number): Point {
    const box = this.element.getBoundingClientRect();
    return { x: (clientX - box.left - this.x) / this.k, y: (clientY - box.top - this.y) / this.k };
  }

  toScreen({ x, y }: Point): Point {
    return { x: x * this.k + this.x, y: y * this.k + this.y };
  }

  visible(): Bounds {
    const { x, y, k, element } = this;
    return { left: -x / k, top: -y / k, right: (element.clientWidth - x) / k, bottom: (element.clientHeight - y) / k };
  }

  centre(): Point {
    const { left, top, right, bottom } = this.visible();
    return { x: (left + right) / 2, y: (top + bottom) / 2 };
  }

  panBy(dx: number, dy: number): void {
    this.x += dx;
    this.y += dy;
    this.apply();
  }

  panTo(x: number, y: number): void {
    this.x = x;
    this.y = y;
    this.apply();
  }

  zoomAt(clientX: number, clientY: number, zoom: number): void {
    const box = this.element.getBoundingClientRect();
    const k = clamp(zoom, MIN_ZOOM, MAX_ZOOM);
    const px = clientX - box.left;
    const py = clientY - box.top;
    this.x = px - ((px - this.x) * k) / this.k;
    this.y = py - ((py - this.y) * k) / this.k;
    this.k = k;
    this.apply();
  }

  zoomBy(factor: number): void {
    const box = this.element.getBoundingClientRect();
    this.zoomAt(box.left + box.width / 2, box.top + box.height / 2, this.k * factor);
  }

  centreOn({ x, y }: Point): void {
    this.panTo(this.element.clientWidth / 2 - x * this.k, this.element.clientHeight / 2 - y * this.k);
  }

  fit(boxes: Iterable<Box>, maxZoom = 1): void {
    const bounds = boundsOf(boxes);
    if (!bounds) return;
    const { clientWidth: width, clientHeight: height } = this.element;
    const w = bounds.right - bounds.left;
    const h = bounds.bottom - bounds.top;
    this.k = clamp(Math.min((width - 2 * MARGIN) / w, (height - 2 * MARGIN) / h), MIN_ZOOM, maxZoom);
    this.panTo((width - w * this.k) / 2 - bounds.left * this.k, (height - h * this.k) / 2 - bounds.top * this.k);
  }

  /** The first view: everything, or, where that would be too small to read, the start at the side, half way down. */
  home(boxes: Iterable<Box>, start: Box | null): void {
    this.fit(boxes);
    if (!start || this.k >= READABLE) return;
    this.k = 0.8;
    this.panTo(48 - start.x * this.k, this.element.clientHeight * 0.4 - start.y * this.k);
  }

  reveal(box: Box): void {
    const { x: left, y: top } = this.toScreen(box);
    const dx = shift(left, left + box.w * this.k, this.element.clientWidth);
    const dy = shift(top, top + box.h * this.k, this.element.clientHeight);
    if (dx || dy) this.panBy(dx, dy);
  }
}

function shift(start: number, end: number, size: number): number {
  if (start < MARGIN) return MARGIN - start;
  return end > size - MARGIN ? size - MARGIN - end : 0;
}
