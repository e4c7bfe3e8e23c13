import { announce, newId } from "../page/events";
import type { FlowCanvas } from "./canvas";
import { CARD_WIDTH, onGrid } from "./geometry";

const DRAG_THRESHOLD = 5;
const RECENT = "chatloom:recent-steps";
const MOST_RECENT = 4;

/** The list of steps: drag one onto the canvas or onto a connection, click it, or press Enter on it. */
export function startPalette(canvas: FlowCanvas, palette: HTMLElement): void {
  palette.addEventListener("pointerdown", (event) => {
    const item = itemOf(event);
    if (item && event.button === 0 && !canvas.readonly) startDrag(canvas, item, event);
  });
  palette.addEventListener("click", (event) => {
    const item = itemOf(event);
    if (!item || canvas.readonly || item.dataset["dragged"]) return;
    const { x, y } = canvas.freePlace();
    addStep(canvas, item.dataset["type"]!, x, y);
  });
  const search = palette.querySelector<HTMLInputElement>('input[type="search"]');
  search?.addEventListener("input", () => filter(palette, search.value));
  search?.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    palette.querySelector<HTMLElement>("li:not([hidden]) .pitem")?.click();
  });
  showRecent(palette);
  canvas.addEventListener("flow:op" as keyof HTMLElementEventMap, () => showRecent(palette));
}

export function addStep(canvas: FlowCanvas, type: string, x: number, y: number, split?: string): void {
  const id = newId("n");
  canvas.selectWhenAdded([id]);
  remember(type);
  canvas.operate(split ? { op: "add", id, type, x, y, split, edge2: newId("e") } : { op: "add", id, type, x, y });
}

/** The steps used last, the newest first. */
export function remember(type: string): void {
  localStorage.setItem(RECENT, JSON.stringify([type, ...recent().filter((one) => one !== type)].slice(0, MOST_RECENT)));
}

function recent(): string[] {
  return JSON.parse(localStorage.getItem(RECENT) ?? "[]") as string[];
}

function itemOf(event: Event): HTMLElement | null {
  return (event.target as Element).closest<HTMLElement>(".pitem[data-type]");
}

function startDrag(canvas: FlowCanvas, item: HTMLElement, down: PointerEvent): void {
  const listeners = new AbortController();
  let ghost: HTMLElement | null = null;
  let split: string | null = null;
  const move = (event: PointerEvent): void => {
    if (!ghost && Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > DRAG_THRESHOLD) {
      ghost = item.cloneNode(true) as HTMLElement;
      ghost.classList.add("ghost");
      document.body.append(ghost);
      item.setPointerCapture(down.pointerId);
    }
    if (!ghost) return;
    ghost.style.transform = `translate(${event.clientX - 60}px,${event.clientY - 20}px)`;
    split = edgeUnder(event);
    canvas.drawing.markOnly("split", new Set(split ? [split] : []));
  };
  const end = (event: PointerEvent): void => {
    listeners.abort();
    canvas.drawing.markOnly("split", new Set());
    if (!ghost) return;
    ghost.remove();
    item.dataset["dragged"] = "yes"; // the click that follows is not one
    setTimeout(() => delete item.dataset["dragged"]);
    if (event.type !== "pointerup" || !isOver(canvas, event)) return;
    const { x, y } = canvas.viewport.toWorld(event.clientX, event.clientY);
    addStep(canvas, item.dataset["type"]!, onGrid(x - CARD_WIDTH / 2), onGrid(y - 24), split ?? undefined);
  };
  const stop = (event: KeyboardEvent): void => {
    if (event.key === "Escape") end(new PointerEvent("pointercancel"));
  };
  window.addEventListener("pointermove", move, { signal: listeners.signal });
  window.addEventListener("pointerup", end, { signal: listeners.signal });
  window.addEventListener("pointercancel", end, { signal: listeners.signal });
  window.addEventListener("keydown", stop, { signal: listeners.signal });
}

function edgeUnder(event: PointerEvent): string | null {
  const line = document.elementsFromPoint(event.clientX, event.clientY).map((element) => element.closest<SVGElement>("[data-edge]"));
  return line.find((one) => one)?.dataset["edge"] ?? null;
}

function isOver(element: Element, { clientX, clientY }: PointerEvent): boolean {
  const box = element.getBoundingClientRect();
  return clientX > box.left && clientX < box.right && clientY > box.top && clientY < box.bottom;
}

function filter(palette: HTMLElement, words: string): void {
  const wanted = words.trim().toLowerCase();
  let found = 0;
  for (const section of palette.querySelectorAll<HTMLElement>("section[data-category]")) {
    let some = false;
    for (const item of section.querySelectorAll<HTMLElement>("li")) {
      item.hidden = !item.textContent!.toLowerCase().includes(wanted);
      some ||= !item.hidden;
      if (!item.hidden) found++;
    }
    section.hidden = !some;
  }
  if (wanted) announce(found === 1 ? "1 step found" : `${found} steps found`);
}

/** Marks the steps used last; the style sheet sorts them first within their family. */
function showRecent(palette: HTMLElement): void {
  const types = recent();
  for (const item of palette.querySelectorAll<HTMLElement>(".pitem[data-type]")) {
    item.closest("li")?.classList.toggle("recent", types.includes(item.dataset["type"]!));
  }
}
