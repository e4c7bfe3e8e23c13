/** What the canvas asks the server to do; the server's answer brings the cards that changed. */
export type Operation =
  | { op: "move"; moves: [id: string, x: number, y: number][]; merge?: string }
  | { op: "add"; id: string; type: string; x: number; y: number; source?: string; port?: string; edge?: string; split?: string; edge2?: string }
  | { op: "connect"; id: string; source: string; port: string; target: string }
  | { op: "delete"; nodes: string[]; edges: string[] }
  | { op: "paste"; flow: string; nodes: string[]; ids: Record<string, string>; dx: number; dy: number }
  | { op: "start"; node: string };

/** Where the menu of next steps was asked for. */
export interface NextStep {
  x: number;
  y: number;
  clientX: number;
  clientY: number;
  source?: string;
  port?: string;
  split?: string;
}

export interface CanvasEvents {
  "flow:op": Operation;
  "flow:select": { ids: string[] };
  "flow:open": { id: string; focus: boolean; field?: string };
  "flow:history": { direction: "undo" | "redo" };
  "flow:quickadd": NextStep;
  "flow:announce": { text: string };
  "flow:view": { x: number; y: number; k: number };
}

/** A conversation's way through the flow. */
export interface Trace {
  visited: string[];
  edges: string[];
  current?: string | null;
  failed?: string | null;
}
