import type { FlowCanvas } from "./canvas";
import { newId } from "../page/events";

const KEY = "chatloom:clipboard";
const OFFSET = 40;

interface Copied {
  flow: string;
  nodes: string[];
}

/** Copied steps, kept in the browser's storage so that they can be pasted into another flow. The server makes the copies. */
export class Clipboard {
  private pasted = 0;

  constructor(private readonly canvas: FlowCanvas) {}

  copy(): void {
    const nodes = this.chosen();
    if (!nodes.length) return;
    localStorage.setItem(KEY, JSON.stringify({ flow: this.canvas.flow, nodes } satisfies Copied));
    this.pasted = 0;
    this.canvas.announce(nodes.length === 1 ? "Step copied" : `${nodes.length} steps copied`);
  }

  paste(): void {
    const stored = localStorage.getItem(KEY);
    if (stored) this.clone(JSON.parse(stored) as Copied, ++this.pasted);
  }

  duplicate(): void {
    const nodes = this.chosen();
    if (nodes.length) this.clone({ flow: this.canvas.flow, nodes }, 1);
  }

  private chosen(): string[] {
    return this.canvas.selection.nodes().map((node) => node.id);
  }

  private clone({ flow, nodes }: Copied, times: number): void {
    if (this.canvas.readonly) return;
    const ids = Object.fromEntries(nodes.map((id) => [id, newId("n")]));
    this.canvas.selectWhenAdded(Object.values(ids));
    this.canvas.operate({ op: "paste", flow, nodes, ids, dx: OFFSET * times, dy: OFFSET * times });
  }
}
