import { byId, onClick } from "./events";

/** role=tablist: click or arrow keys; the shown panel gets a `tab:show` event, so it can load itself. */
export function startTabs(): void {
  onClick('[role="tab"]', (tab) => showTab(tab));
  document.addEventListener("keydown", (event) => {
    const tab = (event.target as Element).closest?.<HTMLElement>('[role="tab"]');
    if (!tab) return;
    const all = tabsOf(tab);
    const at = all.indexOf(tab);
    const forward = getComputedStyle(tab).direction === "rtl" ? -1 : 1;
    const next = { ArrowRight: at + forward, ArrowLeft: at - forward, Home: 0, End: all.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const chosen = all[(next + all.length) % all.length]!;
    showTab(chosen);
    chosen.focus();
  });
}

function tabsOf(tab: HTMLElement): HTMLElement[] {
  return [...(tab.closest('[role="tablist"]')?.querySelectorAll<HTMLElement>('[role="tab"]') ?? [])];
}

export function showTab(tab: HTMLElement | null): void {
  if (!tab || tab.getAttribute("aria-selected") === "true") return;
  for (const one of tabsOf(tab)) {
    const chosen = one === tab;
    one.setAttribute("aria-selected", String(chosen));
    one.tabIndex = chosen ? 0 : -1;
    const panel = byId(one.getAttribute("aria-controls"));
    if (panel) panel.hidden = !chosen;
  }
  byId(tab.getAttribute("aria-controls"))?.dispatchEvent(new CustomEvent("tab:show", { bubbles: true }));
}
