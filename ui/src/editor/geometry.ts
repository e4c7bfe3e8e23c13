/** Numbers and plain geometry of the canvas. World units are CSS pixels at zoom 1. */

export const GRID = 8;
export const CARD_WIDTH = 232;
export const CARD_HEIGHT = 90;
export const MIN_ZOOM = 0.1;
export const MAX_ZOOM = 2;

export interface Point {
  x: number;
  y: number;
}

export interface Box extends Point {
  w: number;
  h: number;
}

export interface Bounds {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

export const onGrid = (value: number): number => Math.round(value / GRID) * GRID;

export function boundsOf(boxes: Iterable<Box>): Bounds | null {
  let bounds: Bounds | null = null;
  for (const { x, y, w, h } of boxes) {
    bounds ??= { left: x, top: y, right: x, bottom: y };
    bounds.left = Math.min(bounds.left, x);
    bounds.top = Math.min(bounds.top, y);
    bounds.right = Math.max(bounds.right, x + (w || CARD_WIDTH));
    bounds.bottom = Math.max(bounds.bottom, y + (h || CARD_HEIGHT));
  }
  return bounds;
}

export function overlaps(box: Box, { left, top, right, bottom }: Bounds): boolean {
  return box.x < right && box.x + box.w > left && box.y < bottom && box.y + box.h > top;
}

/** The path of a connection: a gentle curve forward, a loop round the cards backward. */
export function route(from: Point, to: Point): string {
  const endX = to.x - 6; // the arrow stops at the rim of the port
  const dx = endX - from.x;
  if (dx > 24) {
    const bend = clamp(dx / 2, 24, 160);
    return `M${from.x} ${from.y}C${from.x + bend} ${from.y} ${endX - bend} ${to.y} ${endX} ${to.y}`;
  }
  const out = 60;
  const middle = Math.abs(to.y - from.y) < 120 ? Math.max(from.y, to.y) + 110 : (from.y + to.y) / 2;
  return `M${from.x} ${from.y}C${from.x + out} ${from.y} ${from.x + out} ${middle} ${(from.x + endX) / 2} ${middle}S${endX - out} ${to.y} ${endX} ${to.y}`;
}
