import { onClick } from "./events";

const system = matchMedia("(prefers-color-scheme: dark)");

/** Light, dark or whatever the system says; stored, and applied in every open tab. */
export function startTheme(): void {
  onClick("[data-theme-choice]", (button) => choose(button.dataset["themeChoice"] ?? "system"));
  system.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  document.addEventListener("toggle", markChoice, true);
  apply();
}

function choice(): string {
  return localStorage.getItem("theme") ?? "system";
}

function choose(theme: string): void {
  if (theme === "system") localStorage.removeItem("theme");
  else localStorage.setItem("theme", theme);
  apply();
}

function apply(): void {
  const dark = choice() === "dark" || (choice() === "system" && system.matches);
  const changed = document.documentElement.classList.contains("dark") !== dark;
  document.documentElement.classList.toggle("dark", dark);
  markChoice();
  if (changed) document.dispatchEvent(new CustomEvent("theme:change", { detail: { dark } }));
}

function markChoice(): void {
  for (const button of document.querySelectorAll<HTMLElement>("[data-theme-choice]")) {
    button.setAttribute("aria-checked", String(button.dataset["themeChoice"] === choice()));
  }
}
