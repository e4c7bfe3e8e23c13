import { Clipboard } from "./clipboard";
import { Connecting } from "./connect";
import { Drawing } from "./drawing";
import { FlowEdge } from "./edge";
import { Gestures } from "./gestures";
import { CARD_HEIGHT, CARD_WIDTH, onGrid, overlaps, type Point } from "./geometry";
import { keyPressed } from "./keyboard";
import { Minimap } from "./minimap";
import { FlowNode } from "./node";
import type { CanvasEvents, Operation, Trace } from "./operation";
import { Selection } from "./selection";
import { Viewport } from "./viewport";

/**
 * <flow-canvas>: pan, zoom, drag and connect over <flow-node> and <flow-edge> elements that the server renders.
 * The DOM is the model: whoever adds, morphs or removes those elements keeps the picture right through their callbacks.
 * The canvas knows nothing of the server; it acts at once and emits events.
 */
export class FlowCanvas extends HTMLElement {
  readonly nodes = new Map<string, FlowNode>();
  readonly edges = new Map<string, FlowEdge>();
  readonly selection = new Selection(this);
  readonly connecting = new Connecting(this);
  readonly clipboard = new Clipboard(this);
  viewport!: Viewport;
  drawing!: Drawing;
  gestures!: Gestures;
  private minimap: Minimap | null = null;
  private started = false;
  private byKeyboard = false;
  private readonly edgesOf = new Map<string, Set<string>>();
  private readonly awaited = new Set<string>();
  private readonly sizes = new ResizeObserver((entries) => this.resized(entries));

  connectedCallback(): void {
    if (this.started) return;
    this.started = true;
    this.drawing = new Drawing(this, this.querySelector<SVGElement>(".fc-edges")!, () => this.afterDrawing());
    this.viewport = new Viewport(this, this.querySelector<HTMLElement>(".fc-world")!, () => this.viewChanged());
    this.gestures = new Gestures(this);
    const picture = this.querySelector<HTMLCanvasElement>(".fc-mini");
    if (picture) this.minimap = new Minimap(this, picture);
    this.sizes.observe(this);
    for (const node of this.querySelectorAll("flow-node")) this.addNode(node);
    for (const edge of this.querySelectorAll("flow-edge")) this.addEdge(edge);
    this.listen();
    this.toggleEmpty();
    this.viewport.apply();
    requestAnimationFrame(() => {
      for (const node of this.nodes.values()) node.measure();
      this.viewport.home(this.nodes.values(), this.startNode());
      this.setAttribute("ready", "");
    });
  }

  get readonly(): boolean {
    return this.hasAttribute("readonly");
  }

  get flow(): string {
    return this.dataset["flow"] ?? "";
  }

  emit<Name extends keyof CanvasEvents>(name: Name, detail: CanvasEvents[Name]): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }

  announce(text: string): void {
    this.emit("flow:announce", { text });
  }

  operate(operation: Operation): void {
    if (!this.readonly) this.emit("flow:op", operation);
  }

  // ---- what is there ----------------------------------------------------------------------------------------------

  addNode(node: FlowNode): void {
    if (!this.started) return;
    node.canvas = this;
    this.nodes.set(node.id, node);
    this.sizes.observe(node);
    if (!node.hasAttribute("tabindex")) node.tabIndex = this.nodes.size === 1 ? 0 : -1;
    this.nodeMoved(node);
    this.toggleEmpty();
    if (this.awaited.delete(node.id)) this.arrived(node);
  }

  dropNode(node: FlowNode): void {
    if (this.nodes.get(node.id) !== node) return;
    this.nodes.delete(node.id);
    this.sizes.unobserve(node);
    this.selection.forget(node.id);
    for (const id of this.edgesOf.get(node.id) ?? []) this.drawing.touch(id);
    this.keepOneTabStop();
    this.toggleEmpty();
    this.redraw();
  }

  addEdge(edge: FlowEdge): void {
    if (!this.started) return;
    const double = this.edges.get(edge.id);
    edge.canvas = this;
    this.edges.set(edge.id, edge);
    if (double && double !== edge) double.remove();
    for (const id of [edge.source, edge.target]) {
      const edges = this.edgesOf.get(id) ?? new Set();
      this.edgesOf.set(id, edges.add(edge.id));
    }
    this.drawing.add(edge);
  }

  dropEdge(edge: FlowEdge): void {
    if (this.edges.get(edge.id) !== edge) return;
    this.edges.delete(edge.id);
    this.selection.forget(edge.id);
    for (const edges of this.edgesOf.values()) edges.delete(edge.id);
    this.drawing.drop(edge.id);
  }

  /** A card was moved or its ports changed: its connections are drawn anew. */
  nodeMoved(node: FlowNode): void {
    for (const id of this.edgesOf.get(node.id) ?? []) this.drawing.touch(id);
    this.redraw();
  }

  redraw(): void {
    this.drawing.schedule();
  }

  edgeFrom(source: string, port: string): FlowEdge | undefined {
    for (const id of this.edgesOf.get(source) ?? []) {
      const edge = this.edges.get(id);
      if (edge?.source === source && edge.port === port) return edge;
    }
    return undefined;
  }

  startNode(): FlowNode | null {
    return this.querySelector<HTMLElement>(".start-flag")?.closest("flow-node") ?? this.querySelector("flow-node");
  }

  // ---- what people do ---------------------------------------------------------------------------------------------

  open(node: FlowNode, focus: boolean, field?: string): void {
    this.emit("flow:open", field === undefined ? { id: node.id, focus } : { id: node.id, focus, field });
  }

  /** Shows a step, chooses it and opens its form. */
  goTo(node: FlowNode, field?: string): void {
    this.selection.only(node.id);
    if (this.viewport.k < 0.5) this.fit([node.id]);
    this.focusNode(node);
    this.open(node, field !== undefined, field);
  }

  focusNode(node: FlowNode): void {
    for (const other of this.querySelectorAll<FlowNode>('flow-node[tabindex="0"]')) other.tabIndex = -1;
    node.tabIndex = 0;
    node.focus({ preventScroll: true });
    this.viewport.reveal(node);
  }

  /** Keys go to the canvas from now on, unless one of its steps has them already. */
  takeFocus(): void {
    if (!this.contains(document.activeElement)) this.focus({ preventScroll: true });
  }

  focusStart(): void {
    const node = this.startNode();
    if (node) this.focusNode(node);
  }

  fit(ids?: Iterable<string>): void {
    const some = ids && [...ids].map((id) => this.nodes.get(id)).filter((node) => node !== undefined);
    this.viewport.fit(some ?? this.nodes.values());
  }

  moved(nodes: FlowNode[], merge?: string): void {
    for (const node of nodes) node.settle();
    const moves = nodes.map((node): [string, number, number] => [node.id, node.x, node.y]);
    this.operate(merge ? { op: "move", moves, merge } : { op: "move", moves });
  }

  nudge(dx: number, dy: number): void {
    const nodes = this.selection.nodes();
    if (!nodes.length || this.readonly) return;
    for (const node of nodes) node.place(node.x + dx, node.y + dy);
    this.moved(nodes, "nudge");
  }

  removeSelected(): void {
    const nodes = this.selection.nodes();
    if (this.readonly || !this.selection.size) return;
    const edges = new Set([...this.selection.edges(), ...nodes.flatMap((node) => [...(this.edgesOf.get(node.id) ?? [])])]);
    this.operate({ op: "delete", nodes: nodes.map((node) => node.id), edges: [...edges] });
    for (const id of edges) this.edges.get(id)?.remove();
    for (const node of nodes) node.remove();
    this.selection.clear();
    this.announce(nodes.length === 1 ? "Step deleted" : nodes.length ? `${nodes.length} steps deleted` : "Connection deleted");
    this.focus({ preventScroll: true });
  }

  makeStart(node: FlowNode): void {
    this.operate({ op: "start", node: node.id });
  }

  /** Asks which step should come after this port. */
  offerNext(node: FlowNode, port: string, clientX: number, clientY: number): void {
    const { x, y } = this.viewport.toWorld(clientX, clientY);
    this.emit("flow:quickadd", { x, y, clientX, clientY, source: node.id, port });
  }

  /** Asks which step should be inserted into a connection. */
  offerBetween(edge: string, clientX: number, clientY: number): void {
    const { x, y } = this.viewport.toWorld(clientX, clientY);
    this.emit("flow:quickadd", { x: x - CARD_WIDTH / 2, y, clientX, clientY, split: edge });
  }

  /** A place near the middle of the view, on the grid, where a new card covers no other. */
  freePlace(): Point {
    const { x, y } = this.viewport.centre();
    const at = { x: onGrid(x - CARD_WIDTH / 2), y: onGrid(y - CARD_HEIGHT / 2) };
    const taken = (): boolean => [...this.nodes.values()].some((node) => overlaps(node, { left: at.x - 16, top: at.y - 16, right: at.x + CARD_WIDTH + 16, bottom: at.y + CARD_HEIGHT + 16 }));
    for (let tries = 0; tries < 200 && taken(); tries++) at.y += 3 * 8;
    return at;
  }

  /** Steps the server is about to add are chosen when they come; a single one is also opened. */
  selectWhenAdded(ids: string[]): void {
    this.awaited.clear();
    for (const id of ids) this.awaited.add(id);
    this.selection.clear();
  }

  /** Shows a conversation's way through the flow, or none. */
  highlight(trace: Trace | null): void {
    this.classList.toggle("traced", trace !== null);
    const visited = new Set(trace?.visited);
    for (const [id, node] of this.nodes) {
      node.set("visited", visited.has(id));
      node.set("current", id === trace?.current);
      node.set("failed", id === trace?.failed);
    }
    this.drawing.markOnly("visited", new Set(trace?.edges));
  }

  // ---- inside -----------------------------------------------------------------------------------------------------

  private listen(): void {
    this.addEventListener("pointerdown", () => (this.byKeyboard = false), true);
    this.addEventListener("keydown", (event) => this.keyDown(event), true);
    this.addEventListener("keyup", (event) => event.key === " " && (this.gestures.panning = false));
    this.addEventListener("focusin", (event) => this.focused(event));
    this.addEventListener("dblclick", (event) => {
      const node = (event.target as Element).closest("flow-node");
      if (node) this.open(node, true);
    });
    this.addEventListener("flow:highlight" as keyof HTMLElementEventMap, (event) => this.highlight((event as CustomEvent<Trace | null>).detail));
  }

  private keyDown(event: KeyboardEvent): void {
    this.byKeyboard = true;
    if ((event.target as Element).closest("input, textarea, select, button, [contenteditable]")) return;
    if (event.key === " " && event.target === this) this.gestures.panning = true;
    else if (!keyPressed(this, event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  private focused(event: FocusEvent): void {
    const node = event.target as FlowNode;
    if (!this.byKeyboard || !(node instanceof FlowNode)) return;
    if (this.connecting.active) this.connecting.hover(node);
    else if (!this.selection.has(node.id)) this.selection.only(node.id);
  }

  private arrived(node: FlowNode): void {
    this.selection.add(node.id);
    if (this.awaited.size || this.selection.size > 1) return;
    node.measure();
    if (document.activeElement?.matches("input, textarea, select")) this.viewport.reveal(node);
    else this.focusNode(node);
    this.open(node, false);
  }

  private resized(entries: ResizeObserverEntry[]): void {
    for (const { target } of entries) {
      if (!(target instanceof FlowNode)) continue;
      target.measure();
      this.nodeMoved(target);
    }
    this.redraw();
  }

  private keepOneTabStop(): void {
    if (this.querySelector('flow-node[tabindex="0"]')) return;
    const first = this.nodes.values().next().value;
    if (first) first.tabIndex = 0;
  }

  private toggleEmpty(): void {
    const hint = this.querySelector<HTMLElement>(".fc-empty");
    if (hint) hint.hidden = this.nodes.size > 0;
  }

  private viewChanged(): void {
    const { x, y, k } = this.viewport;
    this.emit("flow:view", { x, y, k });
    this.redraw();
  }

  private afterDrawing(): void {
    this.minimap?.draw();
    this.placeEdgeTools();
  }

  /** The buttons of a chosen connection sit on its middle. */
  private placeEdgeTools(): void {
    const tools = this.querySelector<HTMLElement>(".fc-edge-tools");
    if (!tools) return;
    const [edge] = this.selection.edges();
    const middle = edge && this.selection.size === 1 && !this.readonly ? this.drawing.middleOf(edge) : null;
    tools.hidden = !middle;
    if (!middle) return;
    const { x, y } = this.viewport.toScreen(middle);
    tools.style.transform = `translate(${x}px,${y}px) translate(-50%,-50%)`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "flow-canvas": FlowCanvas;
    "flow-node": FlowNode;
    "flow-edge": FlowEdge;
  }
}

export function defineCanvas(): void {
  customElements.define("flow-node", FlowNode);
  customElements.define("flow-edge", FlowEdge);
  customElements.define("flow-canvas", FlowCanvas); // last: its children are upgraded by then
}
