const SHORTCUTS: [keys: string, meaning: string][] = [
  ["Arrow keys", "Go to the nearest step"],
  ["Enter", "Edit the step"],
  ["C", "Connect: arrows choose the target, Enter connects, C takes the next way out"],
  ["N", "Add the next step"],
  ["Space", "Add the step to the selection"],
  ["Alt + arrows", "Move a little; with Shift further"],
  ["Ctrl + Z, Ctrl + Shift + Z", "Undo, redo"],
  ["Ctrl + C, V, X, D", "Copy, paste, cut, duplicate"],
  ["Ctrl + A", "Select all"],
  ["Delete", "Delete the selection"],
  ["Ctrl + K", "Find a step"],
  ["Home", "Go to the start"],
  ["+ and -", "Zoom"],
  ["0 and 1", "Fit to screen, full size"],
  ["Esc", "Cancel, or select nothing"],
  ["Shift + drag", "Select an area"],
  ["Alt while dragging", "No snapping"],
  ["?", "This list"],
];

/** The list of keys, in its dialog. */
export function showShortcuts(dialog: HTMLDialogElement): void {
  const list = dialog.querySelector("dl");
  if (list && !list.childElementCount) list.append(...SHORTCUTS.map(entry));
  dialog.showModal();
}

function entry([keys, meaning]: [string, string]): HTMLElement {
  const row = document.createElement("div");
  const term = document.createElement("dt");
  const text = document.createElement("dd");
  term.textContent = keys;
  text.textContent = meaning;
  row.append(term, text);
  return row;
}
