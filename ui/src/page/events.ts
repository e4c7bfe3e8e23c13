/** Delegated listeners: they also serve what htmx swaps in later. */

export function onClick(selector: string, act: (element: HTMLElement, event: MouseEvent) => void): void {
  document.addEventListener("click", (event) => {
    const element = (event.target as Element).closest<HTMLElement>(selector);
    if (element) act(element, event);
  });
}

/** Runs `load` when one of these events first touches what `selector` names, and hands it that event and every later one. */
export function lazily(events: string[], selector: string, load: () => Promise<(event: Event) => void>): void {
  let act: Promise<(event: Event) => void> | null = null;
  for (const name of events) {
    document.addEventListener(name, (event) => {
      if ((event.target as Element).closest?.(selector)) void (act ??= load()).then((done) => done(event));
    });
  }
}

export function byId<T extends HTMLElement = HTMLElement>(id: string | null | undefined): T | null {
  return id ? (document.getElementById(id) as T | null) : null;
}

export function announce(text: string): void {
  const live = byId("live");
  if (live) live.textContent = text;
}

/** An id as the server accepts it: a prefix and eight random letters or digits. */
export function newId(prefix: string): string {
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => (byte % 36).toString(36));
  return `${prefix}-${letters.join("")}`;
}
