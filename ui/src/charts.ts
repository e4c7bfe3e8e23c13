// Draws the dashboard's figures with Plotly, keeps them fresh, and leads from a figure to the conversations behind it.

type Trace = Record<string, unknown> & { name: string; x: unknown[]; y: unknown[]; orientation?: string; meta?: { role: string } };
type Figure = { data: Trace[]; layout: Record<string, unknown> };
type Answer = { period: { start: string; end: string; step_s: number }; figures: Record<string, Figure> };
type Click = { points: { x: string | number; y: string | number; data: Trace }[] };
type Plot = HTMLElement & { on(event: "plotly_click", listener: (click: Click) => void): void };
declare global {
  interface Window {
    Plotly: { react(where: HTMLElement, data: unknown[], layout: unknown, config: unknown): Promise<Plot> };
  }
}

export {};

const ROLES: Record<string, string> = { accent: "--chart-1", second: "--chart-2", warning: "--chart-3", good: "--chart-5" };
const charts = document.querySelector<HTMLElement>("#charts");
let answer: Answer | undefined;

/** The page's colour by its name, as the rgb() text that Plotly understands. */
function colour(name: string): string {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  if (!context) return "gray";
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return `rgb(${red}, ${green}, ${blue})`;
}

function themed(figure: Figure): Figure {
  const text = colour("--muted-foreground");
  const grid = colour("--border");
  const axis = { gridcolor: grid, linecolor: grid, zerolinecolor: grid, automargin: true, fixedrange: true };
  const data = figure.data.map((trace) => {
    const tone = colour(ROLES[trace.meta?.role ?? "accent"] ?? "--chart-1");
    return { ...trace, marker: { color: tone, size: 5 }, line: { color: tone, width: 2 } };
  });
  const { xaxis, yaxis, ...rest } = figure.layout;
  const layout = {
    margin: { l: 48, r: 8, t: 8, b: 36 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "Inter Variable, system-ui, sans-serif", size: 12, color: text },
    legend: { orientation: "h", y: 1.12, x: 0 },
    hoverlabel: { font: { family: "Inter Variable, system-ui, sans-serif" } },
    bargap: 0.3,
    ...rest,
    xaxis: { ...axis, ...(xaxis as object) },
    yaxis: { ...axis, ...(yaxis as object) },
  };
  return { data, layout };
}

function table(figure: Figure): HTMLTableElement {
  const rows = document.createElement("table");
  rows.className = "table";
  const sideways = figure.data[0]?.orientation === "h";
  const head = rows.createTHead().insertRow();
  for (const title of [sideways ? "Intent" : "From", ...figure.data.map((trace) => trace.name)]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = title;
    head.append(cell);
  }
  const body = rows.createTBody();
  const labels = (sideways ? figure.data[0]?.y : figure.data[0]?.x) ?? [];
  labels.forEach((label, index) => {
    const row = body.insertRow();
    row.insertCell().textContent = String(label);
    for (const trace of figure.data) row.insertCell().textContent = String((sideways ? trace.x : trace.y)[index] ?? "-");
  });
  return rows;
}

/** The list of conversations behind one point of a figure. */
function behind(plot: HTMLElement, click: Click): string | undefined {
  const point = click.points[0];
  if (!point || !answer || !charts) return undefined;
  const query = new URLSearchParams(charts.dataset.query);
  query.delete("period");
  if (plot.dataset.by === "intent") {
    query.set("intent", String(point.y));
    query.set("start", answer.period.start);
    query.set("end", answer.period.end);
    return `/conversations?${query}`;
  }
  const outcome = { Contained: "contained", "Handed off": "handed_off", Containment: "contained" }[point.data.name];
  if (outcome) query.set("outcome", outcome);
  const [day, time = "00:00"] = String(point.x).split(" ");
  const start = new Date(`${day}T${time}Z`);
  query.set("by", outcome ? "ended" : (plot.dataset.by ?? "started"));
  query.set("start", start.toISOString());
  query.set("end", new Date(start.getTime() + answer.period.step_s * 1000).toISOString());
  return `/conversations?${query}`;
}

async function draw(): Promise<void> {
  if (!answer) return;
  for (const place of document.querySelectorAll<HTMLElement>("[data-chart]")) {
    const figure = answer.figures[place.dataset.chart ?? ""];
    if (!figure) continue;
    const first = !place.classList.contains("js-plotly-plot");
    const { data, layout } = themed(figure);
    const plot = await window.Plotly.react(place, data, layout, { displayModeBar: false, responsive: true });
    if (first) {
      plot.on("plotly_click", (click) => {
        const address = behind(place, click);
        if (address) window.location.assign(address);
      });
    }
    document.querySelector(`[data-chart-table="${place.dataset.chart}"]`)?.replaceChildren(table(figure));
  }
  document.querySelector("#charts")?.setAttribute("data-drawn", "");
}

async function refresh(): Promise<void> {
  if (!charts) return;
  const response = await fetch(`/api/v1/analytics/figures?${charts.dataset.query}`, { headers: { accept: "application/json" } });
  if (!response.ok) return;
  answer = (await response.json()) as Answer;
  await draw();
}

async function refreshTiles(): Promise<void> {
  const tiles = document.querySelector("#tiles");
  if (!charts || !tiles) return;
  const response = await fetch(`/analytics/tiles?${charts.dataset.query}`, { headers: { "hx-request": "true" } });
  if (response.ok) tiles.innerHTML = await response.text();
}

function follow(): void {
  const news = new EventSource("/analytics/live");
  let waiting = 0;
  news.addEventListener("windows", () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(() => void Promise.all([refreshTiles(), refresh()]), 250);
  });
  window.addEventListener("pagehide", () => news.close());
}

for (const form of document.querySelectorAll<HTMLFormElement>("form[data-filters]")) {
  form.addEventListener("change", () => form.requestSubmit());
  form.addEventListener("formdata", ({ formData }) => {
    for (const name of [...formData.keys()]) if (formData.get(name) === "") formData.delete(name);
  });
}

if (charts) {
  const library = document.createElement("script");
  library.src = charts.dataset.plotly ?? "";
  library.addEventListener("load", () => void refresh());
  document.head.append(library);
  new MutationObserver(() => void draw()).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  follow();
}
