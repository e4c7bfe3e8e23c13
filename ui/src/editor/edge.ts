import type { FlowCanvas } from "./canvas";

/** One connection: from a port of the source step to the target step. The canvas draws it. */
export class FlowEdge extends HTMLElement {
  static readonly observedAttributes = ["source", "port", "target"];

  canvas: FlowCanvas | null = null;

  static make(id: string, source: string, port: string, target: string): FlowEdge {
    const edge = document.createElement("flow-edge");
    edge.id = id;
    edge.setAttribute("source", source);
    edge.setAttribute("port", port);
    edge.setAttribute("target", target);
    return edge;
  }

  connectedCallback(): void {
    this.closest("flow-canvas")?.addEdge?.(this);
  }

  disconnectedCallback(): void {
    this.canvas?.dropEdge(this);
  }

  attributeChangedCallback(_name: string, before: string | null, now: string | null): void {
    const { canvas } = this;
    if (before === null || before === now || !canvas) return;
    canvas.dropEdge(this);
    canvas.addEdge(this);
  }

  get source(): string {
    return this.getAttribute("source") ?? "";
  }

  get port(): string {
    return this.getAttribute("port") ?? "";
  }

  get target(): string {
    return this.getAttribute("target") ?? "";
  }
}
