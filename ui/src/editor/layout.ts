import type { FlowCanvas } from "./canvas";
import { onGrid } from "./geometry";

/** Arranges the steps from left to right. The layout library is loaded at the first use. */
export async function tidy(canvas: FlowCanvas): Promise<void> {
  if (canvas.readonly || !canvas.nodes.size) return;
  canvas.setAttribute("aria-busy", "true");
  const { default: dagre } = await import("@dagrejs/dagre");
  await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 32, ranksep: 96 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of canvas.nodes.values()) graph.setNode(node.id, { width: node.w, height: node.h });
  for (const edge of canvas.edges.values()) {
    if (canvas.nodes.has(edge.source) && canvas.nodes.has(edge.target)) graph.setEdge(edge.source, edge.target);
  }
  dagre.layout(graph);
  for (const node of canvas.nodes.values()) {
    const { x, y } = graph.node(node.id) as { x: number; y: number };
    node.place(onGrid(x - node.w / 2), onGrid(y - node.h / 2));
  }
  canvas.removeAttribute("aria-busy");
  canvas.moved([...canvas.nodes.values()]);
  canvas.fit();
  canvas.announce("Steps arranged");
}

export type Edge = "left" | "top";

/** Puts the chosen steps on one line. */
export function align(canvas: FlowCanvas, edge: Edge): void {
  const nodes = canvas.selection.nodes();
  if (canvas.readonly || nodes.length < 2) return;
  const line = Math.min(...nodes.map((node) => (edge === "left" ? node.x : node.y)));
  for (const node of nodes) node.place(edge === "left" ? line : node.x, edge === "top" ? line : node.y);
  canvas.moved(nodes);
}
