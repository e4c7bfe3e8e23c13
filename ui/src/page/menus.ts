const MARGIN = 8;

/** Places every `.menu` popover beside its button and moves through its items with the arrow keys. */
export function startMenus(): void {
  document.addEventListener("toggle", (event) => opened(event as ToggleEvent), true);
  document.addEventListener("keydown", moveFocus);
  document.addEventListener("click", closeAfterChoice);
}

function opened(event: ToggleEvent): void {
  const menu = event.target as HTMLElement;
  if (!menu.matches?.(".menu[popover]")) return;
  const button = document.querySelector<HTMLElement>(`[popovertarget="${menu.id}"]`);
  const open = event.newState === "open";
  button?.setAttribute("aria-expanded", String(open));
  if (!open || !button) return;
  placeBeside(menu, button.getBoundingClientRect(), menu.dataset["align"] === "end");
  items(menu)[0]?.focus({ preventScroll: true });
}

/** Below the anchor, or above it where there is more room; never over the edge of the window. */
export function placeBeside(box: HTMLElement, anchor: DOMRect, alignEnd = false): void {
  const { offsetWidth: width, offsetHeight: height } = box;
  const rightToLeft = getComputedStyle(box).direction === "rtl";
  const left = alignEnd !== rightToLeft ? anchor.right - width : anchor.left;
  const below = anchor.bottom + 4;
  const top = below + height + MARGIN <= innerHeight ? below : Math.max(MARGIN, anchor.top - height - 4);
  box.style.left = `${Math.max(MARGIN, Math.min(left, innerWidth - width - MARGIN))}px`;
  box.style.top = `${top}px`;
}

function items(menu: Element): HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>('[role^="menuitem"]:not([disabled], [hidden])')].filter((item) => item.offsetParent !== null);
}

function moveFocus(event: KeyboardEvent): void {
  const menu = (event.target as Element).closest?.('[role="menu"]');
  if (!menu) return;
  const all = items(menu);
  const at = all.indexOf(document.activeElement as HTMLElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  all[(next + all.length) % all.length]?.focus();
}

function closeAfterChoice(event: MouseEvent): void {
  const item = (event.target as Element).closest?.('.menu[popover] [role^="menuitem"]');
  item?.closest<HTMLElement>("[popover]")?.hidePopover();
}
