import { byId, newId } from "../page/events";
import type { FlowCanvas } from "./canvas";
import { onGrid } from "./geometry";
import type { NextStep } from "./operation";
import { remember } from "./palette";

const MARGIN = 8;

/** The menu of next steps, where a connection was dropped on an empty place or a step goes into a connection. */
export function startQuickMenu(canvas: FlowCanvas): void {
  const menu = byId("quick");
  if (!menu) return;
  let asked: NextStep | null = null;
  menu.replaceChildren(...[...document.querySelectorAll<HTMLElement>(".palette .pitem[data-type]")].map(menuItem));
  canvas.addEventListener("flow:quickadd" as keyof HTMLElementEventMap, (event) => {
    const next = (event as CustomEvent<NextStep>).detail;
    asked = next;
    // not inside pointerup: the light dismiss of popovers would close it at once
    setTimeout(() => show(menu, next.clientX, next.clientY));
  });
  menu.addEventListener("click", (event) => {
    const type = (event.target as Element).closest<HTMLElement>("[data-type]")?.dataset["type"];
    if (!type || !asked) return;
    menu.hidePopover();
    const id = newId("n");
    const { source, port, split } = asked;
    remember(type);
    canvas.selectWhenAdded([id]);
    const place = { op: "add" as const, id, type, x: onGrid(asked.x), y: onGrid(asked.y - 24) };
    if (split) canvas.operate({ ...place, split, edge2: newId("e") });
    else if (source && port) canvas.operate({ ...place, source, port, edge: newId("e") });
    else canvas.operate(place);
  });
}

function menuItem(step: HTMLElement): HTMLElement {
  const item = document.createElement("button");
  item.type = "button";
  item.dataset["type"] = step.dataset["type"];
  item.setAttribute("role", "menuitem");
  item.append(step.querySelector(".tile")!.cloneNode(true), step.querySelector("b")?.textContent ?? "");
  return item;
}

export function show(menu: HTMLElement, x: number, y: number): void {
  menu.showPopover();
  menu.style.left = `${Math.max(MARGIN, Math.min(x, innerWidth - menu.offsetWidth - MARGIN))}px`;
  menu.style.top = `${Math.max(MARGIN, Math.min(y, innerHeight - menu.offsetHeight - MARGIN))}px`;
  menu.querySelector<HTMLElement>('[role="menuitem"]:not([hidden])')?.focus({ preventScroll: true });
}
