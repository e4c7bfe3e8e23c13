import { onClick } from "./events";

type Text = HTMLInputElement | HTMLTextAreaElement;

/** Fields that depend on others, variable chips, copy buttons. */
export function startFields(): void {
  onClick("[data-insert]", insertAtCaret);
  onClick("[data-copy]", (button) => void copy(button));
  document.addEventListener("change", (event) => showDependents((event.target as HTMLElement).closest("form")));
  document.addEventListener("htmx:after:swap", showAllDependents);
  showAllDependents();
}

function insertAtCaret(chip: HTMLElement): void {
  const control = document.getElementById(chip.dataset["for"] ?? "") as Text | null;
  if (!control) return;
  control.setRangeText(chip.dataset["insert"] ?? "", control.selectionStart ?? control.value.length, control.selectionEnd ?? control.value.length, "end");
  control.focus();
  control.dispatchEvent(new Event("input", { bubbles: true }));
  control.dispatchEvent(new Event("change", { bubbles: true }));
}

async function copy(button: HTMLElement): Promise<void> {
  const label = [...button.childNodes].find((node) => node.nodeType === Node.TEXT_NODE);
  await navigator.clipboard.writeText(button.dataset["copy"] ?? "");
  if (!label || label.textContent === "Copied") return;
  const before = label.textContent;
  label.textContent = "Copied";
  window.setTimeout(() => (label.textContent = before), 1600);
}

function showAllDependents(): void {
  for (const form of document.forms) showDependents(form);
}

interface Condition {
  field: string;
  is: string | boolean | string[];
}

/** Shows a `data-show-if` field only while the field it names has the value it names. */
function showDependents(form: HTMLFormElement | null): void {
  for (const field of form?.querySelectorAll<HTMLElement>("[data-show-if]") ?? []) {
    const { field: name, is } = JSON.parse(field.dataset["showIf"] ?? "{}") as Condition;
    field.hidden = !matches(form!, name, is);
  }
}

function matches(form: HTMLFormElement, name: string, is: Condition["is"]): boolean {
  const control = form.elements.namedItem(name);
  const value = control instanceof HTMLInputElement && control.type === "checkbox" ? control.checked : (control as HTMLInputElement | RadioNodeList | null)?.value;
  return Array.isArray(is) ? is.includes(String(value)) : typeof is === "boolean" ? Boolean(value) === is : String(value ?? "") === is;
}
