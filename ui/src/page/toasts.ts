import { byId, onClick } from "./events";

export type Variant = "info" | "success" | "warning" | "error";

const SHOWN_FOR: Record<Variant, number> = { info: 6000, success: 5000, warning: 9000, error: 14000 };
const NEXT = "toast:next";
const ICONS: Record<Variant, string> = { info: "info", success: "circle-check", warning: "triangle-alert", error: "circle-alert" };

/** Short messages in the corner: from the server (an event or a swapped-in `.toast`) and from our own code. */
export function startToasts(): void {
  document.addEventListener("toast", (event) => {
    const { text, variant } = (event as CustomEvent<{ text: string; variant?: Variant }>).detail;
    toast(text, variant);
  });
  document.addEventListener("toast:next", (event) => sessionStorage.setItem(NEXT, JSON.stringify((event as CustomEvent).detail)));
  onClick("[data-toast-close]", (button) => dismiss(button.closest(".toast")));
  const region = byId("toasts");
  if (!region) return;
  new MutationObserver((changes) => {
    for (const node of changes.flatMap((change) => [...change.addedNodes])) {
      if (node instanceof HTMLElement && node.matches(".toast")) shown(region, node);
    }
  }).observe(region, { childList: true });
  showKept();
}

/** What `toast:next` kept for the page that comes next. */
function showKept(): void {
  const kept = sessionStorage.getItem(NEXT);
  if (!kept) return;
  sessionStorage.removeItem(NEXT);
  const { text, variant } = JSON.parse(kept) as { text: string; variant?: Variant };
  toast(text, variant);
}

export function toast(text: string, variant: Variant = "info"): void {
  const box = document.createElement("div");
  box.className = "toast";
  box.dataset["variant"] = variant;
  box.setAttribute("role", variant === "error" ? "alert" : "status");
  const words = document.createElement("p");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.dataset["toastClose"] = "";
  close.setAttribute("aria-label", "Dismiss");
  close.append(icon("x"));
  box.append(icon(ICONS[variant]), words, close);
  byId("toasts")?.append(box);
}

/** An icon of the first sprite, by the address that the page's own icons use. */
export function icon(name: string): SVGSVGElement {
  const sprite = document.querySelector('svg.icon use[href*="/icons-"]')?.getAttribute("href")?.split("#")[0] ?? "";
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

function shown(region: HTMLElement, box: HTMLElement): void {
  if (region.matches(":popover-open")) region.hidePopover(); // opened again it lies above a dialog that opened since
  region.showPopover();
  const wait = (): void => {
    window.setTimeout(() => (box.matches(":hover, :focus-within") ? wait() : dismiss(box)), SHOWN_FOR[box.dataset["variant"] as Variant] ?? SHOWN_FOR.info);
  };
  wait();
}

function dismiss(box: Element | null): void {
  box?.remove();
  const region = byId("toasts");
  if (region?.childElementCount === 0 && region.matches(":popover-open")) region.hidePopover();
}
