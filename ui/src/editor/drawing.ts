import type { FlowCanvas } from "./canvas";
import type { FlowEdge } from "./edge";
import { route, type Point } from "./geometry";

const SVG = "http://www.w3.org/2000/svg";
const FRAME =
  '<defs><marker id="fc-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 .5 7.5 4 0 7.5z"/></marker></defs>' +
  '<g class="list"></g><path class="temp" hidden></path><g class="guides"></g>';

interface Line {
  group: SVGGElement;
  hit: SVGPathElement;
  visible: SVGPathElement;
}

export interface Guide {
  vertical: boolean;
  at: number;
  from: number;
  to: number;
}

/** The lines between the cards: at most one redraw per frame, reading every port before writing any path. */
export class Drawing {
  private readonly lines = new Map<string, Line>();
  private readonly dirty = new Set<string>();
  private readonly list: SVGGElement;
  private readonly pending: SVGPathElement;
  private readonly guides: SVGGElement;
  private frame = 0;

  constructor(
    private readonly canvas: FlowCanvas,
    svg: SVGElement,
    private readonly afterDrawing: () => void,
  ) {
    svg.innerHTML = FRAME;
    this.list = svg.querySelector(".list")!;
    this.pending = svg.querySelector(".temp")!;
    this.guides = svg.querySelector(".guides")!;
  }

  add(edge: FlowEdge): void {
    if (!this.lines.has(edge.id)) {
      const group = document.createElementNS(SVG, "g");
      const hit = document.createElementNS(SVG, "path");
      const visible = document.createElementNS(SVG, "path");
      group.setAttribute("data-edge", edge.id);
      hit.setAttribute("class", "hit");
      visible.setAttribute("class", "line");
      group.append(hit, visible);
      this.list.append(group);
      this.lines.set(edge.id, { group, hit, visible });
    }
    this.touch(edge.id);
  }

  drop(id: string): void {
    this.lines.get(id)?.group.remove();
    this.lines.delete(id);
    this.schedule();
  }

  touch(id: string): void {
    this.dirty.add(id);
    this.schedule();
  }

  schedule(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  mark(id: string, name: "selected" | "visited" | "split", on: boolean): void {
    this.lines.get(id)?.group.classList.toggle(name, on);
  }

  markOnly(name: "visited" | "split", ids: ReadonlySet<string>): void {
    for (const [id, { group }] of this.lines) group.classList.toggle(name, ids.has(id));
  }

  middleOf(id: string): Point | null {
    const path = this.lines.get(id)?.visible;
    if (!path?.getAttribute("d")) return null;
    const { x, y } = path.getPointAtLength(path.getTotalLength() / 2);
    return { x, y };
  }

  /** The line of a connection in the making. */
  showPending(from: Point, to: Point): void {
    this.pending.removeAttribute("hidden");
    this.pending.setAttribute("d", route(from, to));
  }

  hidePending(): void {
    this.pending.setAttribute("hidden", "");
  }

  showGuides(guides: Guide[]): void {
    this.guides.replaceChildren(
      ...guides.map(({ vertical, at, from, to }) => {
        const line = document.createElementNS(SVG, "path");
        line.setAttribute("d", vertical ? `M${at} ${from - 12}V${to + 12}` : `M${from - 12} ${at}H${to + 12}`);
        return line;
      }),
    );
  }

  private draw(): void {
    const paths: [Line, string][] = [];
    for (const id of this.dirty) {
      const edge = this.canvas.edges.get(id);
      const line = this.lines.get(id);
      if (!edge || !line) continue;
      const source = this.canvas.nodes.get(edge.source);
      const target = this.canvas.nodes.get(edge.target);
      paths.push([line, source && target ? route(source.portPoint(edge.port), target.portPoint("in")) : ""]);
    }
    this.dirty.clear();
    for (const [{ hit, visible }, path] of paths) {
      hit.setAttribute("d", path);
      visible.setAttribute("d", path);
    }
    this.afterDrawing();
  }
}
