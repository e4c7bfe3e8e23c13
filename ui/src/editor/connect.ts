import type { FlowCanvas } from "./canvas";
import { FlowEdge } from "./edge";
import type { Gesture } from "./gestures";
import type { FlowNode } from "./node";
import { newId } from "../page/events";

/** Making connections: by dragging from a port, by a click on a port and one on a step, or from the keyboard. */
export class Connecting {
  private from: { node: FlowNode; port: string; stop: AbortController } | null = null;
  private over: FlowNode | null = null;

  constructor(private readonly canvas: FlowCanvas) {}

  get active(): boolean {
    return this.from !== null;
  }

  /** A port is dragged: to a step it connects, to an empty place it offers the next step, without moving it waits for a click. */
  drag(node: FlowNode, port: string): Gesture {
    const start = node.portPoint(port);
    const { canvas } = this;
    const stop = (): void => {
      canvas.classList.remove("connecting");
      canvas.drawing.hidePending();
    };
    canvas.takeFocus();
    return {
      scrollsAtEdge: true,
      start: () => canvas.classList.add("connecting"),
      move: (event) => {
        this.hover(this.targetAt(event, node));
        canvas.drawing.showPending(start, this.over?.portPoint("in") ?? canvas.viewport.toWorld(event.clientX, event.clientY));
      },
      end: (event, moved) => {
        const target = this.over;
        stop();
        this.hover(null);
        if (!moved) this.begin(node, port);
        else if (target) this.link(node.id, port, target.id);
        else canvas.offerNext(node, port, event.clientX, event.clientY);
      },
      cancel: () => {
        stop();
        this.hover(null);
      },
    };
  }

  begin(node: FlowNode, port: string): void {
    this.cancel();
    const { canvas } = this;
    const stop = new AbortController();
    const start = node.portPoint(port);
    this.from = { node, port, stop };
    canvas.takeFocus();
    canvas.classList.add("connecting");
    node.set("source", true);
    canvas.addEventListener(
      "pointermove",
      (event) => {
        this.hover(this.targetAt(event, node));
        canvas.drawing.showPending(start, this.over?.portPoint("in") ?? canvas.viewport.toWorld(event.clientX, event.clientY));
      },
      { signal: stop.signal },
    );
    const label = node.ports.find((one) => one.dataset["port"] === port)?.parentElement?.closest("li")?.textContent?.trim();
    canvas.announce(`Connecting ${node.heading}${label ? `, ${label}` : ""}. Choose the next step and press Enter, or Escape to cancel.`);
  }

  /** From the keyboard: the first free port, with the same key again the next one. */
  beginNext(node: FlowNode): void {
    const names = node.ports.map((port) => port.dataset["port"]!);
    if (!names.length) return this.canvas.announce(`${node.heading} has no way out to connect.`);
    if (this.from?.node === node) return this.begin(node, names[(names.indexOf(this.from.port) + 1) % names.length]!);
    this.begin(node, names.find((name) => !this.canvas.edgeFrom(node.id, name)) ?? names[0]!);
  }

  finish(target: FlowNode): void {
    const { from } = this;
    this.cancel();
    if (from && target !== from.node && target.takesInput) this.link(from.node.id, from.port, target.id);
  }

  cancel(): void {
    this.from?.stop.abort();
    this.from?.node.set("source", false);
    this.from = null;
    this.hover(null);
    this.canvas.classList.remove("connecting");
    this.canvas.drawing.hidePending();
  }

  /** Marks the step that would be connected. */
  hover(node: FlowNode | null): void {
    if (this.over === node) return;
    this.over?.set("target", false);
    this.over = node;
    node?.set("target", true);
  }

  link(source: string, port: string, target: string): void {
    const { canvas } = this;
    if (canvas.readonly) return;
    const before = canvas.edgeFrom(source, port);
    if (before?.target === target) return;
    before?.remove();
    const edge = FlowEdge.make(newId("e"), source, port, target);
    canvas.querySelector("#edges")?.append(edge);
    canvas.operate({ op: "connect", id: edge.id, source, port, target });
    canvas.announce(`Connected to ${canvas.nodes.get(target)?.heading ?? "step"}`);
  }

  private targetAt(event: PointerEvent, source: FlowNode): FlowNode | null {
    const nodes = document.elementsFromPoint(event.clientX, event.clientY).map((element) => element.closest("flow-node"));
    return nodes.find((node) => node && node !== source && node.takesInput) ?? null;
  }
}
