import { byId, onClick } from "./events";

interface Question {
  text: string;
  title?: string | undefined;
  button?: string | undefined;
  variant?: string | undefined;
}

/** Dialogs opened by `data-dialog-open`, and our own dialog instead of the browser's confirm(). */
export function startDialogs(): void {
  onClick("[data-dialog-open]", (button) => byId<HTMLDialogElement>(button.dataset["dialogOpen"])?.showModal());
  onClick("[data-dialog-close]", (button) => button.closest("dialog")?.close());
  onClick("dialog", (dialog, event) => {
    if (event.target === dialog && dialog.matches(".dialog")) (dialog as HTMLDialogElement).close();
  });
  document.addEventListener("dialog:open", (event) => byId<HTMLDialogElement>(detailId(event))?.showModal());
  document.addEventListener("dialog:close", (event) => byId<HTMLDialogElement>(detailId(event))?.close());
  document.addEventListener("htmx:confirm", (event) => {
    const { ctx, issueRequest, dropRequest } = (event as CustomEvent).detail as {
      ctx: { confirm: string; sourceElement: HTMLElement };
      issueRequest: () => void;
      dropRequest: () => void;
    };
    event.preventDefault();
    void confirmed(questionOf(ctx.sourceElement, ctx.confirm)).then((yes) => (yes ? issueRequest() : dropRequest()));
  });
  document.addEventListener("submit", askBeforeSubmit, true);
}

function detailId(event: Event): string | undefined {
  return (event as CustomEvent<{ id?: string }>).detail?.id;
}

function questionOf(element: HTMLElement, text: string): Question {
  const { confirmTitle: title, confirmButton: button, confirmVariant: variant } = element.dataset;
  return { text, title, button, variant };
}

const answered = new WeakSet<HTMLFormElement>();

function askBeforeSubmit(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement;
  const text = event.submitter?.dataset["confirm"] ?? form.dataset["confirm"];
  if (!text || answered.delete(form)) return;
  event.preventDefault();
  event.stopPropagation();
  const { submitter } = event;
  void confirmed(questionOf(submitter?.dataset["confirm"] ? submitter : form, text)).then((yes) => {
    if (!yes) return;
    answered.add(form);
    form.requestSubmit(submitter);
  });
}

export function confirmed({ text, title = "Are you sure?", button = "Continue", variant = "" }: Question): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>("confirm");
  const yes = dialog?.querySelector<HTMLElement>("[data-confirm-yes]");
  if (!dialog || !yes) return Promise.resolve(window.confirm(text));
  byId("confirm-title")!.textContent = title;
  byId("confirm-text")!.textContent = text;
  yes.textContent = button;
  if (variant) yes.dataset["variant"] = variant;
  else delete yes.dataset["variant"];
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
