import type { FlowCanvas } from "./canvas";
import type { Box, Point } from "./geometry";

export type NodeState = "selected" | "dragging" | "target" | "source" | "visited" | "current" | "failed";

/**
 * One step: a card rendered by the server, placed by its attributes x and y.
 * Selection and the like are custom states, which no morph of attributes can touch.
 */
export class FlowNode extends HTMLElement implements Box {
  static readonly observedAttributes = ["x", "y", "rev"];

  x = 0;
  y = 0;
  w = 0;
  h = 0;
  canvas: FlowCanvas | null = null;
  private readonly states = this.attachInternals().states;
  private portOffsets: Map<string, Point> | null = null;

  connectedCallback(): void {
    this.readPosition();
    this.closest("flow-canvas")?.addNode?.(this);
  }

  disconnectedCallback(): void {
    this.canvas?.dropNode(this);
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now) return;
    if (name === "rev") this.portOffsets = null;
    else this.readPosition();
    this.canvas?.nodeMoved(this);
  }

  /** Shows the card somewhere else, while it is dragged. */
  place(x: number, y: number): void {
    this.x = x;
    this.y = y;
    this.style.transform = `translate(${x}px,${y}px)`;
    this.canvas?.nodeMoved(this);
  }

  /** Makes the place it is shown at its position. */
  settle(): void {
    const { x, y } = this; // setting one attribute reads both
    this.setAttribute("x", String(x));
    this.setAttribute("y", String(y));
  }

  measure(): void {
    this.w = this.offsetWidth;
    this.h = this.offsetHeight;
    this.portOffsets = null;
  }

  /** The middle of a port in the world; ports are measured once per card. */
  portPoint(name: string): Point {
    const offset = (this.portOffsets ??= this.measurePorts()).get(name) ?? { x: this.w / 2, y: this.h / 2 };
    return { x: this.x + offset.x, y: this.y + offset.y };
  }

  get ports(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>('[data-port]:not([data-port="in"])')];
  }

  get takesInput(): boolean {
    return this.querySelector('[data-port="in"]') !== null;
  }

  /** The step's name as people see it. */
  get heading(): string {
    return this.querySelector("header b")?.textContent?.trim() ?? this.id;
  }

  set(state: NodeState, on: boolean): void {
    if (on) this.states.add(state);
    else this.states.delete(state);
  }

  private readPosition(): void {
    this.x = Number(this.getAttribute("x"));
    this.y = Number(this.getAttribute("y"));
    this.style.transform = `translate(${this.x}px,${this.y}px)`;
  }

  private measurePorts(): Map<string, Point> {
    const offsets = new Map<string, Point>();
    for (const port of this.querySelectorAll<HTMLElement>("[data-port]")) {
      let x = port.offsetWidth / 2;
      let y = port.offsetHeight / 2;
      for (let at: HTMLElement | null = port; at && at !== this; at = at.offsetParent as HTMLElement | null) {
        x += at.offsetLeft;
        y += at.offsetTop;
      }
      offsets.set(port.dataset["port"]!, { x, y });
    }
    return offsets;
  }
}
