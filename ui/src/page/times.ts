const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];
const language = document.documentElement.lang || undefined;
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });

/** Writes every <time> in the reader's own zone; recent ones as "5 minutes ago". */
export function startTimes(): void {
  writeTimes();
  document.addEventListener("htmx:after:swap", writeTimes);
  window.setInterval(writeTimes, 30_000);
}

function writeTimes(): void {
  for (const time of document.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    const text = "relative" in time.dataset ? ago(moment) : exact.format(moment);
    if (time.textContent !== text) time.textContent = text;
    if (!time.title) time.title = exact.format(moment);
  }
}

function ago(moment: Date): string {
  const seconds = (moment.valueOf() - Date.now()) / 1000;
  if (Math.abs(seconds) > 6 * 86400) return day.format(moment);
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return unit === "second" ? relative.format(0, "second") : relative.format(Math.round(seconds / length), unit);
}
