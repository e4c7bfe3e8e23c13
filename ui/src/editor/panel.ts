import { byId } from "../page/events";
import { showTab } from "../page/tabs";
import { toast } from "../page/toasts";
import type { FlowCanvas } from "./canvas";
import { apply, reason, request } from "./request";
import type { Sync } from "./sync";

const NOTHING = '<div class="panel-empty"><p>Select a step to edit it.</p></div>';

/** The properties form of the chosen step. */
export class Panel {
  private shown: string | null = null;
  private unsaved = false;
  private loading: AbortController | null = null;
  private loaded: Promise<void> = Promise.resolve();
  private readonly home: HTMLElement;

  constructor(
    private readonly canvas: FlowCanvas,
    private readonly sync: Sync,
  ) {
    this.home = byId("panel")!;
    this.home.addEventListener("input", (event) => this.changed(event));
    this.home.addEventListener("change", (event) => this.changed(event));
    this.home.addEventListener("rows:changed", (event) => this.changed(event));
    document.addEventListener("htmx:before:request", (event) => this.requested(event, true));
    document.addEventListener("htmx:finally:request", (event) => this.requested(event, false));
  }

  async open(id: string, focus: boolean, field?: string): Promise<void> {
    showTab(byId("tab-panel"));
    if (this.shown !== id) {
      if (!(await this.saveFirst())) return;
      this.loaded = this.load(id);
    }
    await this.loaded; // also when the form is already on its way: its field must be there to get the focus
    if (focus && this.shown === id) this.focus(field);
  }

  async close(): Promise<void> {
    if (!this.shown || !(await this.saveFirst())) return;
    this.empty();
  }

  /** The step's settings changed without the form: load it again, or empty the panel when the step is gone. */
  async refresh(): Promise<void> {
    const id = this.shown;
    if (!id) return;
    this.unsaved = false;
    if (this.canvas.nodes.has(id)) await this.load(id);
    else this.empty();
  }

  private empty(): void {
    this.loading?.abort();
    this.shown = null;
    this.unsaved = false;
    this.home.innerHTML = NOTHING;
  }

  private async load(id: string): Promise<void> {
    this.loading?.abort();
    const loading = (this.loading = new AbortController());
    this.shown = id;
    await this.sync.settled(); // the server must know the step
    if (loading.signal.aborted) return;
    try {
      const answer = await request("GET", `/flows/${this.canvas.flow}/nodes/${id}/form`, { signal: loading.signal });
      if (!answer.ok) return this.empty();
      await apply(answer, this.home, "innerHTML");
    } catch (error) {
      if (!loading.signal.aborted) throw error;
    }
  }

  private focus(field?: string): void {
    const place = field ? this.home.querySelector(`[data-field="${CSS.escape(field)}"]`) : this.home;
    const control = (place ?? this.home).querySelector<HTMLElement>("input:not([type=hidden]), textarea, select");
    control?.focus();
    control?.scrollIntoView({ block: "center" });
  }

  private get form(): HTMLFormElement | null {
    return this.home.querySelector<HTMLFormElement>("form[data-node]");
  }

  private changed(event: Event): void {
    if (!(event.target as HTMLElement).matches("[data-no-autosave]")) this.unsaved = true;
  }

  private requested(event: Event, begins: boolean): void {
    const source = (event as CustomEvent<{ ctx: { sourceElement: Element; response?: { status: number } } }>).detail.ctx;
    if (!source.sourceElement.matches("form[data-node]")) return;
    if (begins) this.unsaved = false;
    this.sync.saving(begins);
    if (!begins && (source.response?.status ?? 500) >= 400) this.sync.show("Not saved");
  }

  /** What was typed a moment ago and not yet sent is saved before the form goes away. False: it could not be. */
  private async saveFirst(): Promise<boolean> {
    const { form } = this;
    if (!this.unsaved || !form?.isConnected || !this.canvas.nodes.has(form.dataset["node"] ?? "")) return true;
    this.unsaved = false;
    this.sync.saving(true);
    try {
      const answer = await request("POST", form.getAttribute("hx-post") ?? "", { body: new URLSearchParams(new FormData(form) as unknown as Record<string, string>) });
      if (answer.ok) {
        await apply(answer, this.canvas);
        return true;
      }
      if (answer.status === 422 && form.isConnected) {
        await apply(answer, this.home, "innerMorph");
        this.canvas.selection.only(form.dataset["node"]!);
        this.focus(this.home.querySelector<HTMLElement>('[data-invalid="true"]')?.dataset["field"]);
        return false;
      }
      toast(await reason(answer), "error");
      return true;
    } finally {
      this.sync.saving(false);
    }
  }
}
