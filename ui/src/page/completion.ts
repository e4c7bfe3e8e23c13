import { placeBeside } from "./menus";

type Text = HTMLInputElement | HTMLTextAreaElement;

const OPENING = /\{\{\s*([\w.]*)$/;

/** Offers the variables of the <datalist> named by `data-variables` after `{{` was typed. */
export function startCompletion(): (event: Event) => void {
  const list = new Completions();
  document.addEventListener("keydown", (event) => list.key(event), true);
  document.addEventListener("focusout", () => list.close());
  return (event) => {
    if (event.type === "input") list.offer(event.target as Text);
  };
}

class Completions {
  private readonly box = document.createElement("ul");
  private control: Text | null = null;
  private chosen = 0;

  constructor() {
    this.box.className = "completions";
    this.box.id = "completions";
    this.box.popover = "manual";
    this.box.setAttribute("role", "listbox");
    this.box.setAttribute("aria-label", "Variables");
    this.box.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      this.chosen = [...this.box.children].indexOf((event.target as Element).closest("li")!);
      this.accept();
    });
  }

  offer(control: Text): void {
    const names = control.dataset?.["variables"];
    const typed = names && control.selectionStart !== null ? OPENING.exec(control.value.slice(0, control.selectionStart)) : null;
    if (!names || !typed) return this.close();
    const known = [...(document.getElementById(names)?.querySelectorAll("option") ?? [])].map((option) => option.value);
    const fitting = known.filter((name) => name.toLowerCase().includes(typed[1]!.toLowerCase())).slice(0, 40);
    if (!fitting.length) return this.close();
    this.control = control;
    this.chosen = 0;
    this.box.replaceChildren(...fitting.map((name, at) => option(name, at)));
    (control.closest("dialog") ?? document.body).append(this.box);
    this.box.showPopover();
    placeBeside(this.box, control.getBoundingClientRect());
    control.setAttribute("aria-controls", this.box.id);
    this.mark();
  }

  key(event: KeyboardEvent): void {
    if (!this.control) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      this.chosen = (this.chosen + step + this.box.childElementCount) % this.box.childElementCount;
      this.mark();
    } else if (event.key === "Enter" || event.key === "Tab") this.accept();
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  close(): void {
    if (!this.control) return;
    this.control.removeAttribute("aria-activedescendant");
    this.control.removeAttribute("aria-controls");
    this.control = null;
    this.box.remove();
  }

  private mark(): void {
    [...this.box.children].forEach((one, at) => one.setAttribute("aria-selected", String(at === this.chosen)));
    const current = this.box.children[this.chosen];
    current?.scrollIntoView({ block: "nearest" });
    this.control?.setAttribute("aria-activedescendant", current?.id ?? "");
  }

  private accept(): void {
    const { control } = this;
    const name = this.box.children[this.chosen]?.textContent ?? "";
    if (!control) return;
    const caret = control.selectionStart ?? control.value.length;
    const start = caret - OPENING.exec(control.value.slice(0, caret))![0].length;
    const closed = control.value.slice(caret).match(/^\s*\}\}/)?.[0].length ?? 0;
    control.setRangeText(`{{ ${name} }}`, start, caret + closed, "end");
    this.close();
    control.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

function option(name: string, at: number): HTMLLIElement {
  const item = document.createElement("li");
  item.id = `completion-${at}`;
  item.setAttribute("role", "option");
  item.textContent = name;
  return item;
}
