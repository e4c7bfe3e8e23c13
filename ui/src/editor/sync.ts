import { icon, toast } from "../page/toasts";
import { newId } from "../page/events";
import type { FlowCanvas } from "./canvas";
import type { Operation } from "./operation";
import { apply, isHtml, reason, request } from "./request";

const RETRY_AFTER = [500, 1000, 2000, 4000, 8000, 15000];
const SAVING = "Saving…";
const SAVED = "Saved";
const NOT_SAVED = "Not saved, trying again…";

type Step = { ops: Operation[] } | { history: "undo" | "redo" };

/**
 * Brings what people do to the server in their order, one request in flight; what happens meanwhile goes into the next one.
 * A batch keeps its id when it is sent again, so the server does it once.
 */
export class Sync {
  private readonly waiting: Step[] = [];
  private running: Promise<void> | null = null;
  private saves = 0;

  constructor(
    private readonly canvas: FlowCanvas,
    private readonly afterHistory: () => void,
  ) {
    window.addEventListener("beforeunload", (event) => {
      if (this.running) event.preventDefault();
    });
  }

  operate(operation: Operation): void {
    const last = this.waiting.at(-1);
    if (last && "ops" in last) last.ops.push(operation);
    else this.waiting.push({ ops: [operation] });
    void this.run();
  }

  history(direction: "undo" | "redo"): void {
    this.waiting.push({ history: direction });
    void this.run();
  }

  /** Everything done so far has reached the server. */
  async settled(): Promise<void> {
    while (this.running) await this.running;
  }

  /** Takes the server's state, after something went wrong. */
  async reload(): Promise<void> {
    const answer = await this.send("GET", `${this.address}/canvas`);
    if (answer.ok) await apply(answer, this.canvas);
  }

  /** A form's own save shows in the same place. */
  saving(on: boolean): void {
    this.saves = Math.max(0, this.saves + (on ? 1 : -1));
    this.show(this.saves || this.running ? SAVING : SAVED);
  }

  show(text: string): void {
    const place = document.getElementById("saved");
    if (place && place.textContent?.trim() !== text) place.replaceChildren(...(text === SAVED ? [icon("check")] : []), text);
  }

  private get address(): string {
    return `/flows/${this.canvas.flow}`;
  }

  private run(): Promise<void> {
    this.running ??= this.drain().finally(() => {
      this.running = null;
      if (!this.saves) this.show(SAVED);
    });
    return this.running;
  }

  private async drain(): Promise<void> {
    for (let step = this.waiting.shift(); step; step = this.waiting.shift()) {
      this.show(SAVING);
      await ("ops" in step ? this.sendOperations(step.ops) : this.sendHistory(step.history));
    }
  }

  private async sendOperations(ops: Operation[]): Promise<void> {
    const opId = newId("o");
    const answer = await this.send("POST", `${this.address}/ops`, () => new URLSearchParams({ batch: JSON.stringify({ base_rev: revision(), op_id: opId, ops }) }));
    if (answer.ok || (answer.status === 409 && isHtml(answer))) return apply(answer, this.canvas);
    toast(await reason(answer), "error");
    await this.reload();
  }

  private async sendHistory(direction: "undo" | "redo"): Promise<void> {
    const answer = await this.send("POST", `${this.address}/${direction}`);
    if (answer.ok) await apply(answer, this.canvas);
    else toast(await reason(answer), "error");
    this.afterHistory();
  }

  /** Tries until the server has answered; only a lost connection or an overloaded server is tried again. */
  private async send(method: "GET" | "POST", url: string, body?: () => BodyInit): Promise<Response> {
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await request(method, url, body ? { body: body() } : {});
        if (![429, 502, 503, 504].includes(answer.status)) return answer;
      } catch {
        if (attempt === 0) toast("The server cannot be reached. Your changes are kept here and sent as soon as it answers.", "warning");
      }
      this.show(NOT_SAVED);
      await new Promise((resolve) => window.setTimeout(resolve, RETRY_AFTER[Math.min(attempt, RETRY_AFTER.length - 1)]));
    }
  }
}

function revision(): number {
  return Number(document.querySelector('meta[id="rev"]')?.getAttribute("content") ?? 0);
}
