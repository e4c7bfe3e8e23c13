import { toast } from "./toasts";

const LOST = "The server cannot be reached. Check your connection; nothing was saved.";
const UNKNOWN = "That did not work. Try again, or reload the page.";

interface Failure {
  ctx: { text?: string; response?: { status: number; headers: Headers }; sourceElement: Element };
}

/** Every failed htmx request tells the person what happened, unless the element shows that status itself. */
export function startFailures(): void {
  document.addEventListener("htmx:response:error", (event) => {
    const { ctx } = (event as CustomEvent<Failure>).detail;
    const status = ctx.response?.status ?? 0;
    if (ctx.response?.headers.has("HX-Redirect") || ctx.response?.headers.get("HX-Trigger")?.includes('"toast"')) return;
    if (ctx.sourceElement.hasAttribute(`hx-status:${status}`) && !isProblem(ctx)) return;
    toast(sentence(ctx), "error");
  });
  document.addEventListener("htmx:finally:request", (event) => {
    const { ctx } = (event as CustomEvent<Failure>).detail;
    if (ctx.sourceElement instanceof HTMLFormElement && (ctx.response?.status ?? 500) < 400) clearErrors(ctx.sourceElement);
  });
  document.addEventListener("htmx:error", (event) => {
    const { ctx, error } = (event as CustomEvent<{ ctx?: Failure["ctx"]; error?: unknown }>).detail;
    if (ctx && !ctx.response) toast(LOST, "error");
    else console.error(error);
  });
}

/** What was wrong is mended: a form that saves itself is not swapped, so its messages are taken away here. */
function clearErrors(form: HTMLFormElement): void {
  for (const message of form.querySelectorAll(".field [role=alert]")) message.remove();
  for (const name of ["data-invalid", "aria-invalid"]) {
    for (const one of form.querySelectorAll(`[${name}]`)) one.removeAttribute(name);
  }
}

function isProblem(ctx: Failure["ctx"]): boolean {
  return ctx.response?.headers.get("Content-Type")?.startsWith("application/problem+json") ?? false;
}

function sentence(ctx: Failure["ctx"]): string {
  if (!isProblem(ctx)) return UNKNOWN;
  const { detail, title, fields } = JSON.parse(ctx.text ?? "{}") as { detail?: string; title?: string; fields?: Record<string, string> };
  return [detail ?? title ?? UNKNOWN, ...Object.values(fields ?? {})].join(" ");
}
