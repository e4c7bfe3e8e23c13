import type { FlowCanvas } from "./canvas";
import type { FlowNode } from "./node";

/** The chosen steps and connections. */
export class Selection {
  private readonly ids = new Set<string>();

  constructor(private readonly canvas: FlowCanvas) {}

  get size(): number {
    return this.ids.size;
  }

  has(id: string): boolean {
    return this.ids.has(id);
  }

  nodes(): FlowNode[] {
    return [...this.ids].map((id) => this.canvas.nodes.get(id)).filter((node) => node !== undefined);
  }

  edges(): string[] {
    return [...this.ids].filter((id) => this.canvas.edges.has(id));
  }

  only(...ids: string[]): void {
    this.replace(ids);
  }

  replace(ids: Iterable<string>): void {
    const wanted = new Set(ids);
    for (const id of [...this.ids]) if (!wanted.has(id)) this.mark(id, false);
    for (const id of wanted) this.mark(id, true);
    this.changed();
  }

  add(id: string): void {
    this.mark(id, true);
    this.changed();
  }

  toggle(id: string): void {
    this.mark(id, !this.ids.has(id));
    this.changed();
  }

  clear(): void {
    this.replace([]);
  }

  /** The element is gone: forget it without a word. */
  forget(id: string): void {
    this.ids.delete(id);
  }

  private mark(id: string, on: boolean): void {
    if (on) this.ids.add(id);
    else this.ids.delete(id);
    this.canvas.nodes.get(id)?.set("selected", on);
    this.canvas.drawing.mark(id, "selected", on);
  }

  private changed(): void {
    this.canvas.emit("flow:select", { ids: [...this.ids] });
    this.canvas.redraw();
  }
}
