import { byId } from "../page/events";
import type { FlowCanvas } from "./canvas";

/** Lights up the way of the test chat: an element #trace, swapped in by the server, names the steps and connections. */
export function startTrace(canvas: FlowCanvas): void {
  let shown = "";
  const show = (): void => {
    const trace = byId("test")?.hidden ? null : byId("trace");
    const { visited = "", edges = "", current = "", failed = "" } = trace?.dataset ?? {};
    const now = JSON.stringify([visited, edges, current, failed]);
    if (now === shown || (!trace && !shown)) return;
    shown = trace ? now : "";
    canvas.highlight(trace && visited ? { visited: words(visited), edges: words(edges), current, failed } : null);
  };
  document.addEventListener("htmx:after:swap", show);
  document.addEventListener("tab:show", show);
  show();
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}
