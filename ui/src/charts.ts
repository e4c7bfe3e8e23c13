// Draws the dashboard's figures with Plotly, keeps them fresh, and leads from a figure to the conversations behind it.

type Trace = Record<string, unknown> & { type: string; name: string; x: unknown[]; y: unknown[]; orientation?: string; meta: { role: string; drill: Record<string, string> } };
type Figure = { data: Trace[]; layout: Record<string, unknown> };
type Answer = { period: { start: string; end: string; step_s: number }; figures: Record<string, Figure> };
type Click = { points: { pointIndex: number; data: Trace }[] };
type Plot = HTMLElement & { on(event: "plotly_click", listener: (click: Click) => void): void };
declare global {
  interface Window {
    Plotly: { react(where: HTMLElement, data: unknown[], layout: unknown, config: unknown): Promise<Plot>; purge(where: HTMLElement): void };
  }
}

export {};

const ROLES: Record<string, string> = { accent: "--chart-1", second: "--chart-2", warning: "--chart-3", good: "--chart-5", muted: "--canvas-edge", text: "--muted-foreground" };
const FONT = "Inter Variable, system-ui, sans-serif";
const charts = document.querySelector<HTMLElement>("#charts");
let answer: Answer | undefined;

/** The page's colour by its name, as the text that Plotly understands. */
function colour(name: string, opacity = 1): string {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  if (!context) return "gray";
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return `rgba(${red}, ${green}, ${blue}, ${opacity})`;
}

function painted(trace: Trace): object {
  const role = ROLES[trace.meta.role] ?? "--chart-1";
  if (trace.type === "bar") return { ...trace, marker: { color: colour(role), cornerradius: 3 } };
  const line = { color: colour(role), width: 2 };
  return { ...trace, line, marker: { color: colour(role), size: 5, line: { color: colour("--card"), width: 1 } } };
}

function themed({ data, layout: { xaxis, yaxis, legend, ...rest } }: Figure): { data: object[]; layout: object } {
  const grid = colour("--border");
  const axis = { gridcolor: grid, linecolor: grid, zerolinecolor: grid, automargin: true, fixedrange: true, nticks: 7 };
  const text = { family: FONT, size: 12 };
  const layout = {
    margin: { l: 8, r: 12, t: rest["showlegend"] ? 34 : 8, b: 8 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { ...text, color: colour("--muted-foreground") },
    legend: { orientation: "h", x: 0, xanchor: "left", y: 1, yanchor: "bottom", yref: "paper", itemwidth: 30, ...(legend as object) },
    hoverlabel: { bgcolor: colour("--card"), bordercolor: grid, font: { ...text, color: colour("--foreground") } },
    bargap: 0.35,
    dragmode: false,
    ...rest,
    xaxis: { ...axis, ...(xaxis as object) },
    yaxis: { ...axis, ...(yaxis as object) },
  };
  return { data: data.map(painted), layout };
}

const isSideways = (figure: Figure): boolean => figure.data[0]?.orientation === "h";
const valuesOf = (trace: Trace): unknown[] => (trace.orientation === "h" ? trace.x : trace.y);
const labelsOf = (trace: Trace): unknown[] => (trace.orientation === "h" ? trace.y : trace.x);

/** The same figure as a table whose numbers lead where the points lead. */
function table(figure: Figure): HTMLTableElement {
  const rows = document.createElement("table");
  rows.className = "table";
  const head = rows.createTHead().insertRow();
  for (const title of [isSideways(figure) ? "Intent" : "From", ...figure.data.map((trace) => trace.name)]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = title;
    head.append(cell);
  }
  const body = rows.createTBody();
  const labels = figure.data[0] ? labelsOf(figure.data[0]) : [];
  labels.forEach((label, index) => {
    const row = body.insertRow();
    row.insertCell().textContent = String(label);
    for (const trace of figure.data) row.insertCell().append(linked(trace, index));
  });
  return rows;
}

function linked(trace: Trace, index: number): Node | string {
  const value = valuesOf(trace)[index];
  if (!value) return String(value ?? "-");
  const link = document.createElement("a");
  link.className = "link";
  link.href = behind(trace, index);
  link.textContent = String(value);
  return link;
}

/** The list of conversations behind one point of a figure. */
function behind(trace: Trace, index: number): string {
  const query = new URLSearchParams(charts?.dataset["query"]);
  query.delete("period");
  for (const [name, value] of Object.entries(trace.meta.drill)) query.set(name, value);
  const { start, end } = spanOf(trace, index);
  query.set("start", start);
  query.set("end", end);
  if (trace.orientation === "h") query.set("intent", String(trace.y[index]));
  return `/conversations?${query}`;
}

function spanOf(trace: Trace, index: number): { start: string; end: string } {
  const { start, end, step_s: step } = answer!.period;
  if (trace.orientation === "h") return { start, end };
  const [day, time] = String(trace.x[index]).split(" ");
  const from = new Date(`${day}T${time}Z`);
  return { start: from.toISOString(), end: new Date(from.getTime() + step * 1000).toISOString() };
}

async function draw(): Promise<void> {
  if (!answer || !window.Plotly) return;
  for (const place of document.querySelectorAll<HTMLElement>("[data-chart]")) {
    const figure = answer.figures[place.dataset["chart"] ?? ""];
    if (figure) await drawOne(place, figure);
  }
  charts?.setAttribute("data-drawn", "");
}

async function drawOne(place: HTMLElement, figure: Figure): Promise<void> {
  const nothing = !figure.data.some((trace) => valuesOf(trace).some((value) => Boolean(value)));
  place.hidden = nothing;
  const around = place.closest("figure");
  around?.querySelector(".chart-nothing")?.toggleAttribute("hidden", !nothing);
  around?.querySelector(".chart-table")?.toggleAttribute("hidden", nothing);
  if (nothing) {
    if (place.classList.contains("js-plotly-plot")) window.Plotly.purge(place);
    delete place.dataset["leads"];
    return;
  }
  const first = !("leads" in place.dataset);
  place.dataset["leads"] = "";
  const { data, layout } = themed(figure);
  const plot = await window.Plotly.react(place, data, layout, { displayModeBar: false, responsive: true });
  if (first) {
    plot.on("plotly_click", ({ points: [point] }) => {
      if (point) window.location.assign(behind(point.data, point.pointIndex));
    });
  }
  const numbers = around?.querySelector("[data-chart-table]");
  if (numbers) keepFocus(numbers, () => numbers.replaceChildren(table(figure)));
}

/** Change what is inside; whoever stood on a link by keyboard stands on the same link afterwards. */
function keepFocus(inside: Element, change: () => void): void {
  const links = (): HTMLElement[] => [...inside.querySelectorAll<HTMLElement>("a")];
  const stood = links().findIndex((link) => link === document.activeElement);
  change();
  links()[stood]?.focus({ preventScroll: true });
}

async function refresh(): Promise<void> {
  if (!charts) return;
  const response = await fetch(`/api/v1/analytics/figures?${charts.dataset["query"]}`, { headers: { accept: "application/json" } });
  if (!response.ok) return;
  answer = (await response.json()) as Answer;
  await draw();
}

async function refreshTiles(): Promise<void> {
  const tiles = document.querySelector("#tiles");
  if (!charts || !tiles) return;
  const response = await fetch(`/analytics/tiles?${charts.dataset["query"]}`, { headers: { "hx-request": "true" } });
  if (!response.ok) return;
  const html = await response.text();
  keepFocus(tiles, () => (tiles.innerHTML = html));
}

/** New figures as soon as there are some. */
function follow(): void {
  const news = new EventSource("/analytics/live");
  let waiting = 0;
  news.addEventListener("open", () => tell("ok", "Live"));
  news.addEventListener("error", () => tell("warn", "Connecting again"));
  const refreshSoon = (): void => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(() => void Promise.all([refreshTiles(), refresh()]), 250);
  };
  news.addEventListener("ready", refreshSoon); // what came between the page and the first news, or while the line was cut
  news.addEventListener("windows", refreshSoon);
  window.addEventListener("pagehide", () => news.close());
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });
}

function tell(variant: string, text: string): void {
  const dot = document.querySelector<HTMLElement>("#live-state .dot");
  if (!dot) return;
  dot.dataset["variant"] = variant;
  dot.textContent = text;
}

for (const form of document.querySelectorAll<HTMLFormElement>("form[data-filters]")) {
  form.addEventListener("change", () => form.requestSubmit());
  form.addEventListener("formdata", ({ formData }) => {
    for (const name of [...formData.keys()]) if (formData.get(name) === "") formData.delete(name);
  });
}

if (charts) {
  const library = document.createElement("script");
  library.src = charts.dataset["plotly"] ?? "";
  library.addEventListener("load", () => void refresh());
  document.head.append(library);
  document.addEventListener("theme:change", () => void draw());
  follow();
}
