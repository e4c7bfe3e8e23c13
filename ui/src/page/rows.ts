import { announce, newId } from "./events";

/** Lists of rows in a form: add, remove, move by buttons, sort by dragging the grip. Every change fires `rows:changed`. */
export function rowsTouched(event: Event): void {
  if (event.type === "pointerdown") return startSorting(event as PointerEvent);
  const button = event.type === "click" && (event.target as Element).closest<HTMLElement>("[data-row]");
  if (button) ACTS[button.dataset["row"] ?? ""]?.(button);
}

const ACTS: Record<string, (button: HTMLElement) => void> = { add: addRow, remove: removeRow, up: moveUp, down: moveDown };

function changed(rows: Element): void {
  rows.dispatchEvent(new CustomEvent("rows:changed", { bubbles: true }));
}

function addRow(button: HTMLElement): void {
  const set = button.closest("[data-rowset]");
  const rows = set?.querySelector("[data-rows]");
  const template = [...(set?.querySelectorAll<HTMLTemplateElement>("template[data-row-template]") ?? [])].find((one) => one.closest("[data-rowset]") === set);
  if (!rows || !template) return;
  const key = newId("r");
  const holder = document.createElement("template");
  holder.innerHTML = template.innerHTML.replaceAll("__key__", key);
  const row = holder.content.querySelector("li");
  if (!row) return;
  rows.append(row);
  row.querySelector<HTMLElement>("input:not([type=hidden]), select, textarea")?.focus();
  announce("Row added");
  changed(rows);
}

function removeRow(button: HTMLElement): void {
  const row = button.closest("li");
  const rows = row?.parentElement;
  if (!row || !rows) return;
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  const focus = next?.querySelector<HTMLElement>('[data-row="remove"]') ?? rows.closest("[data-rowset]")?.querySelector<HTMLElement>('[data-row="add"]');
  focus?.focus();
  announce("Row removed");
  changed(rows);
}

function moveUp(button: HTMLElement): void {
  const row = button.closest("li");
  if (!row?.previousElementSibling) return;
  row.previousElementSibling.before(row);
  moved(row, button);
}

function moveDown(button: HTMLElement): void {
  const row = button.closest("li");
  if (!row?.nextElementSibling) return;
  row.nextElementSibling.after(row);
  moved(row, button);
}

function moved(row: HTMLElement, button: HTMLElement): void {
  const rows = row.parentElement!;
  const visible = getComputedStyle(button).visibility === "visible" ? button : row.querySelector<HTMLElement>(`[data-row="${button.dataset["row"] === "up" ? "down" : "up"}"]`);
  visible?.focus();
  announce(`Moved to position ${[...rows.children].indexOf(row) + 1} of ${rows.childElementCount}`);
  changed(rows);
}

function startSorting(down: PointerEvent): void {
  const grip = (down.target as Element).closest<HTMLElement>('[data-row="grip"]');
  const row = grip?.closest("li");
  const rows = row?.parentElement;
  if (!grip || !row || !rows || down.button !== 0) return;
  const before = [...rows.children];
  const stop = new AbortController();
  row.classList.add("lifted");
  const sort = (event: PointerEvent): void => {
    const over = [...rows.children].find((other) => {
      const box = other.getBoundingClientRect();
      return other !== row && event.clientY > box.top && event.clientY < box.bottom;
    });
    if (!over) return;
    const box = over.getBoundingClientRect();
    const below = event.clientY > box.top + box.height / 2;
    const isAfter = [...rows.children].indexOf(over) > [...rows.children].indexOf(row);
    if (below && isAfter) over.after(row);
    else if (!below && !isAfter) over.before(row);
  };
  const finish = (): void => {
    stop.abort();
    row.classList.remove("lifted");
    if ([...rows.children].some((one, at) => one !== before[at])) changed(rows);
  };
  // on the window: a row that changes its place loses the captured pointer
  window.addEventListener("pointermove", sort, { signal: stop.signal });
  window.addEventListener("pointerup", finish, { signal: stop.signal });
  window.addEventListener("pointercancel", finish, { signal: stop.signal });
}
