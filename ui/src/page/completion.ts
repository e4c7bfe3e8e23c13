import { placeBeside } from "./menus";

type Text = HTMLInputElement | HTMLTextAreaElement;

interface Offer {
  name: string;
  type: string;
  help: string;
  arguments: string;
  takes: string[];
}

interface Offers {
  variables: Offer[];
  functions: Offer[];
  filters: Offer[];
}

/** What stands before the caret inside of {{: a word, behind a bar it is a filter's. */
const OPEN = /\{\{(?:(?!\}\}|\{\{)[\s\S])*$/;
const FILTER = /([\w.]*)\s*(?:\|\s*\w+(?:\([^()]*\))?\s*)*\|\s*(\w*)$/;
const WORD = /(?<![\w.'"])([A-Za-z_][\w.]*)?$/;
const MOST = 40;
const FRESH_MS = 10_000;

/** Offers variables, functions and filters after `{{` was typed, or when the button of a field asks for them. */
export function startCompletion(): (event: Event) => void {
  const list = new Completions();
  document.addEventListener("keydown", (event) => list.key(event), true);
  document.addEventListener("focusout", () => list.close());
  return (event) => {
    const control = event.target as Text;
    const button = (event.target as Element).closest<HTMLElement>("[data-complete]");
    if (event.type === "click" && button) void list.openAll(button);
    else if (event.type === "input") void list.offer(control);
    else void list.load();
  };
}

class Completions {
  private readonly box = document.createElement("ul");
  private readonly help = document.createElement("div");
  private readonly frame = document.createElement("div");
  private control: Text | null = null;
  private shown: Offer[] = [];
  private chosen = 0;
  private start = 0;
  private bare = false;
  private offers: Promise<Offers> | null = null;
  private loadedAt = 0;

  constructor() {
    this.frame.className = "completions";
    this.frame.popover = "manual";
    this.box.id = "completions";
    this.box.setAttribute("role", "listbox");
    this.box.setAttribute("aria-label", "Variables and functions");
    this.help.className = "completion-help";
    this.frame.append(this.box, this.help);
    this.frame.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const item = (event.target as Element).closest("li");
      if (!item) return;
      this.chosen = [...this.box.children].indexOf(item);
      this.accept();
    });
  }

  /** What the server offers for this flow; asked again when it may have changed. */
  load(): Promise<Offers> {
    if (this.offers && Date.now() - this.loadedAt < FRESH_MS) return this.offers;
    this.loadedAt = Date.now();
    const flow = /^\/flows\/[\w-]+/.exec(location.pathname)?.[0];
    const asked = flow ? fetch(`${flow}/completions`, { headers: { Accept: "application/json" } }) : Promise.reject(new Error("no flow"));
    this.offers = asked.then((answer) => (answer.ok ? (answer.json() as Promise<Offers>) : Promise.reject(new Error(String(answer.status))))).catch(() => named());
    return this.offers;
  }

  async offer(control: Text): Promise<void> {
    const typed = control.value.slice(0, control.selectionStart ?? 0);
    if (!OPEN.test(typed)) return this.close();
    const offers = await this.load();
    if (control.value.slice(0, control.selectionStart ?? 0) !== typed || document.activeElement !== control) return;
    const open = OPEN.exec(typed)![0];
    const filter = FILTER.exec(open);
    const word = filter ? filter[2]! : WORD.exec(open)?.[1];
    if (!filter && word === undefined && !/[{(,~+\-*/%=<>[|\s]$/.test(open)) return this.close();
    const known = filter ? offers.filters.filter((one) => fits(one, offers, filter[1]!)) : [...offers.variables, ...offers.functions];
    this.bare = false;
    this.start = typed.length - (word ?? "").length;
    this.show(control, matching(known, word ?? ""));
  }

  async openAll(button: HTMLElement): Promise<void> {
    const control = document.getElementById(button.dataset["complete"] ?? "") as Text | null;
    if (!control) return;
    const offers = await this.load();
    control.focus();
    this.bare = true;
    this.start = control.selectionStart ?? control.value.length;
    this.show(control, [...offers.variables, ...offers.functions]);
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
    this.frame.remove();
  }

  private show(control: Text, offers: Offer[]): void {
    if (!offers.length) return this.close();
    this.control = control;
    this.shown = offers.slice(0, this.bare ? 200 : MOST);
    this.chosen = 0;
    this.box.replaceChildren(...this.shown.map(option));
    (control.closest("dialog") ?? document.body).append(this.frame);
    this.frame.showPopover();
    this.mark();
    placeBeside(this.frame, control.getBoundingClientRect());
    control.setAttribute("aria-controls", this.box.id);
  }

  private mark(): void {
    [...this.box.children].forEach((one, at) => one.setAttribute("aria-selected", String(at === this.chosen)));
    const current = this.box.children[this.chosen];
    current?.scrollIntoView({ block: "nearest" });
    this.control?.setAttribute("aria-activedescendant", current?.id ?? "");
    const offer = this.shown[this.chosen];
    this.help.textContent = offer ? [offer.name + offer.arguments, offer.help].filter(Boolean).join(" – ") : "";
  }

  private accept(): void {
    const { control, shown, chosen, start, bare } = this;
    const offer = shown[chosen];
    if (!control || !offer) return;
    const caret = control.selectionStart ?? control.value.length;
    const text = offer.name + offer.arguments;
    const alone = bare || /\{\{\s*$/.test(control.value.slice(0, start));
    const open = bare ? start : start - (/\{\{\s*$/.exec(control.value.slice(0, start))?.[0].length ?? 0);
    const closed = bare ? 0 : (/^\s*\}\}/.exec(control.value.slice(caret))?.[0].length ?? 0);
    if (alone) control.setRangeText(`{{ ${text} }}`, open, caret + closed, "end");
    else control.setRangeText(text, start, caret, "end");
    this.close();
    control.focus();
    if (offer.arguments) selectArguments(control, text);
    else control.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

/** The arguments just inserted, to be written over. */
function selectArguments(control: Text, text: string): void {
  const from = control.value.lastIndexOf(text, control.selectionStart ?? 0) + text.indexOf("(") + 1;
  control.setSelectionRange(from, from + text.length - text.indexOf("(") - 2);
}

function matching(offers: Offer[], word: string): Offer[] {
  const wanted = word.toLowerCase();
  const found = offers.filter((one) => one.name.toLowerCase().includes(wanted));
  return found.sort((a, b) => Number(b.name.toLowerCase().startsWith(wanted)) - Number(a.name.toLowerCase().startsWith(wanted)));
}

/** Whether a filter goes with the variable before the bar; one whose type is not known goes with all. */
function fits(filter: Offer, offers: Offers, name: string): boolean {
  const type = offers.variables.find((one) => one.name === name)?.type;
  return !type || type === "any" || filter.takes.includes(type);
}

/** Without an answer of the server: the names in the lists of the page. */
function named(): Offers {
  const names = [...document.querySelectorAll<HTMLOptionElement>("datalist option")].filter(inList).map((one) => one.value);
  return { variables: names.map((name) => ({ name, type: "", help: "", arguments: "", takes: [] })), functions: [], filters: [] };
}

function inList(one: HTMLOptionElement): boolean {
  return document.querySelector(`[data-variables="${CSS.escape(one.closest("datalist")?.id ?? "")}"]`) !== null;
}

function option({ name, type, help }: Offer, at: number): HTMLLIElement {
  const item = document.createElement("li");
  item.id = `completion-${at}`;
  item.setAttribute("role", "option");
  const kind = document.createElement("small");
  kind.textContent = type;
  item.title = help;
  item.append(name, kind);
  return item;
}
