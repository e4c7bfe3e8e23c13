import { byId } from "../page/events";
import type { FlowCanvas } from "./canvas";
import type { FlowNode } from "./node";

const MOST = 30;

let open: ((entered: boolean) => void) | null = null;

/** Ctrl+K: find a step by its name, its kind, or any text on its card. The dialog is open, and may hold words already; `entered`: Enter too was pressed before this ran. */
export function openFind(canvas: FlowCanvas, entered: boolean): void {
  open ??= prepare(canvas);
  open?.(entered);
}

function prepare(canvas: FlowCanvas): ((entered: boolean) => void) | null {
  const dialog = byId<HTMLDialogElement>("find");
  const input = byId<HTMLInputElement>("find-input");
  const list = byId("find-list");
  if (!dialog || !input || !list) return null;

  const choose = (at: number): void => {
    const options = [...list.children];
    options.forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
    options[at]?.scrollIntoView({ block: "nearest" });
    if (options[at]) input.setAttribute("aria-activedescendant", options[at].id);
    else input.removeAttribute("aria-activedescendant");
  };
  const chosen = (): number => [...list.children].findIndex((option) => option.getAttribute("aria-selected") === "true");
  const offer = (): void => {
    list.replaceChildren(...search(canvas, input.value).slice(0, MOST).map(option));
    choose(0);
  };
  const go = (id: string | undefined): void => {
    const node = id ? canvas.nodes.get(id) : undefined;
    if (!node) return;
    dialog.close();
    canvas.goTo(node);
  };
  const goOn = (): void => go((list.children[chosen()] as HTMLElement | undefined)?.dataset["node"]);

  input.addEventListener("input", offer);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) choose((chosen() + step + list.childElementCount) % Math.max(1, list.childElementCount));
    else if (event.key === "Enter") goOn();
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => go((event.target as Element).closest<HTMLElement>("[data-node]")?.dataset["node"]));
  return (entered) => {
    offer();
    if (entered) goOn();
  };
}

function search(canvas: FlowCanvas, words: string): FlowNode[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (node: FlowNode): boolean => {
    const text = `${node.textContent} ${node.getAttribute("kind")} ${node.getAttribute("aria-label")}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  };
  return [...canvas.nodes.values()].filter(fits).sort((a, b) => a.x - b.x || a.y - b.y);
}

function option(node: FlowNode, at: number): HTMLElement {
  const item = document.createElement("li");
  item.id = `find-${at}`;
  item.dataset["node"] = node.id;
  item.dataset["category"] = node.getAttribute("category") ?? "";
  item.setAttribute("role", "option");
  const tile = node.querySelector(".tile")?.cloneNode(true);
  const words = document.createElement("span");
  const name = document.createElement("b");
  name.textContent = node.heading;
  const text = document.createElement("small");
  text.textContent = node.querySelector("p")?.textContent ?? "";
  words.append(name, text);
  if (tile) item.append(tile);
  item.append(words);
  return item;
}
