import htmx from "htmx.org";

/** A request like htmx's own, but with its answer in our hands: status, retry, and where it is swapped. */
export async function request(method: "GET" | "POST", url: string, options: { body?: BodyInit; signal?: AbortSignal } = {}): Promise<Response> {
  return fetch(url, { ...options, method, headers: { ...pageHeaders(), "HX-Request": "true", "HX-Request-Type": "partial", "HX-Current-URL": location.href, Accept: "text/html" } });
}

/** Applies an answer: its partials wherever they belong, the rest into the target. */
export async function apply(answer: Response, target: Element, swap = "none"): Promise<void> {
  await htmx.swap({ text: await answer.text(), sourceElement: target, target, swap });
  const events = answer.headers.get("HX-Trigger");
  if (!events?.startsWith("{")) return;
  for (const [name, detail] of Object.entries(JSON.parse(events) as Record<string, unknown>)) {
    target.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

/** Whether there is something to apply in an answer, whatever its status. */
export function isHtml(answer: Response): boolean {
  return answer.headers.get("Content-Type")?.startsWith("text/html") ?? false;
}

/** What went wrong, in the server's words. */
export async function reason(answer: Response): Promise<string> {
  const unknown = "That did not work. The flow was loaded again.";
  if (!answer.headers.get("Content-Type")?.startsWith("application/problem+json")) return unknown;
  const { detail } = (await answer.json()) as { detail?: string };
  return detail ?? unknown;
}

function pageHeaders(): Record<string, string> {
  return JSON.parse(document.body.getAttribute("hx-headers:inherited") ?? "{}") as Record<string, string>;
}
