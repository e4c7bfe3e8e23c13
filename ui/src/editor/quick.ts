import { byId, newId } from "../page/events";
import type { FlowCanvas } from "./canvas";
import { onGrid } from "./geometry";
import type { NextStep } from "./operation";
import { remember } from "./palette";

const MARGIN = 8;

/** The menu of next steps, where a connection was dropped on an empty place or a step goes into a connection. */
export function offerNext(canvas: FlowCanvas, next: NextStep): void {
  const menu = byId("quick");
  if (!menu) return;
  if (!menu.childElementCount) menu.append(...[...document.querySelectorAll<HTMLElement>(".palette .pitem[data-type]")].map(menuItem));
  menu.onclick = (event) => {
    const type = (event.target as Element).closest<HTMLElement>("[data-type]")?.dataset["type"];
    if (!type) return;
    menu.hidePopover(); // first: it gives the focus, and with it the selection, back to the step it was called from
    add(canvas, next, type);
  };
  // not inside pointerup: the light dismiss of popovers would close it at once
  setTimeout(() => show(menu, next.clientX, next.clientY));
}

function add(canvas: FlowCanvas, { x, y, source, port, split }: NextStep, type: string): void {
  const id = newId("n");
  remember(type);
  canvas.selectWhenAdded([id]);
  const place = { op: "add" as const, id, type, x: onGrid(x), y: onGrid(y - 24) };
  if (split) canvas.operate({ ...place, split, edge2: newId("e") });
  else if (source && port) canvas.operate({ ...place, source, port, edge: newId("e") });
  else canvas.operate(place);
}

/** The context menu: items say by `data-for` when they fit. */
export function offerActions(canvas: FlowCanvas, on: Element, x: number, y: number): void {
  const menu = byId("canvas-menu");
  if (!menu) return;
  const thing = on.closest<Element>("flow-node")?.id ?? on.closest<SVGElement>("[data-edge]")?.dataset["edge"];
  if (thing && !canvas.selection.has(thing)) canvas.selection.only(thing);
  const kind = canvas.selection.nodes().length > 1 ? "several" : canvas.selection.nodes().length ? "node" : canvas.selection.edges().length ? "edge" : "empty";
  for (const item of menu.querySelectorAll<HTMLElement>("[data-for]")) item.hidden = !item.dataset["for"]!.split(" ").includes(thing ? kind : "empty");
  const box = on.getBoundingClientRect();
  show(menu, x || box.left + 16, y || box.top + 16);
}

function menuItem(step: HTMLElement): HTMLElement {
  const item = document.createElement("button");
  item.type = "button";
  item.dataset["type"] = step.dataset["type"];
  item.setAttribute("role", "menuitem");
  item.append(step.querySelector(".tile")!.cloneNode(true), step.querySelector("b")?.textContent ?? "");
  return item;
}

function show(menu: HTMLElement, x: number, y: number): void {
  menu.showPopover();
  menu.style.left = `${Math.max(MARGIN, Math.min(x, innerWidth - menu.offsetWidth - MARGIN))}px`;
  menu.style.top = `${Math.max(MARGIN, Math.min(y, innerHeight - menu.offsetHeight - MARGIN))}px`;
  menu.querySelector<HTMLElement>('[role="menuitem"]:not([hidden])')?.focus({ preventScroll: true });
}
