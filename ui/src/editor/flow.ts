import { byId } from "../page/events";
import type { FlowCanvas } from "./canvas";
import { apply, request } from "./request";

/** Opens the dialog about the flow as a whole with one of its tabs. */
export async function openFlow(canvas: FlowCanvas, part: string): Promise<void> {
  const area = byId("flow-area");
  if (!area) return;
  byId<HTMLDialogElement>("flow-dialog")?.showModal();
  const answer = await request("GET", `/flows/${canvas.flow}/${part}`);
  if (answer.ok) await apply(answer, area, "innerHTML");
}
