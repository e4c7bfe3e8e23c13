// Sending files: each goes to the server by itself, with its progress in the log, and is then said with a message.
import { CLIP, el, icon } from "./dom";
import css from "./files.css";
import { fill } from "./fill";
import { randomId } from "./session";
import type { Strings } from "./strings";
import { attach, cancel, drop, kind, large, sending } from "./strings/en.json";
import type { Asked, Outgoing, SentFile } from "./types";

export { css };

const MOST_MB = 25;
const MB = 1e6;
const PATIENCE_MS = 10 * 60_000;

/** What the panel has for files. */
interface Place {
  panel: HTMLElement;
  form: HTMLElement;
}

/** Where a file goes, what kind is asked for, and who is told. */
export interface Sender {
  asked(): Asked;
  address: string;
  token(): string | undefined;
  begin(item: Outgoing): void;
  note(id: string, ...nodes: Node[]): void;
  end(item: Outgoing): void;
  failed(item: Outgoing, reason: string, again?: () => void): void;
}

/** A button that chooses files; they may be dropped and pasted, too. Returns what the button does. */
export function takeFiles({ panel, form }: Place, strings: Strings, sender: Sender): () => void {
  const words = { attach, drop, ...strings };
  const chooser = el("input", { type: "file", multiple: true, hidden: true, "aria-label": words.attach });
  const take = (files: FileList | null | undefined, event: Event) => {
    if (!files?.length) return;
    event.preventDefault();
    void sendFiles([...files], sender.asked(), strings, sender);
  };
  const choose = () => {
    chooser.accept = sender.asked().accept?.join() ?? "";
    chooser.click();
  };
  const over = (on: boolean) => (event: Event) => (event.preventDefault(), panel.classList.toggle("dropping", on));
  chooser.addEventListener("change", (event) => (take(chooser.files, event), (chooser.value = "")));
  form.prepend(el("button", { type: "button", class: "clip", title: words.attach, "aria-label": words.attach, click: choose }, icon(CLIP)), chooser);
  form.addEventListener("paste", (event) => take((event as ClipboardEvent).clipboardData?.files, event));
  panel.dataset["drop"] = words.drop;
  panel.addEventListener("dragover", over(true));
  panel.addEventListener("dragleave", over(false));
  panel.addEventListener("drop", (event) => (over(false)(event), take(event.dataTransfer?.files, event)));
  return choose;
}

/** Sends the files one after the other; what is larger than asked for or of another kind is not sent, and says so. */
async function sendFiles(files: File[], asked: Asked, strings: Strings, sender: Sender): Promise<void> {
  const words = { cancel, kind, large, sending, ...strings };
  for (const file of files) {
    const item: Outgoing = { id: randomId(), shown: { type: "attachment", file: { name: file.name, size: file.size, media_type: "" } } };
    sender.begin(item);
    const most = asked.max_mb ?? MOST_MB;
    if (file.size > most * MB) sender.failed(item, fill(words.large, { name: file.name, n: most }));
    else if (!fits(file, asked.accept ?? [])) sender.failed(item, fill(words.kind, { name: file.name }));
    else await attempt(file, item, words, sender);
  }
}

function attempt(file: File, item: Outgoing, words: Strings & { cancel: string; sending: string }, sender: Sender): Promise<void> {
  return new Promise((done) => {
    const request = new XMLHttpRequest(); // fetch does not tell how much has gone
    const bar = el("progress", { max: "1", value: "0", "aria-label": fill(words.sending, { name: file.name }) });
    const stop = el("button", { type: "button", class: "retry", click: () => request.abort() }, words.cancel);
    const again = () => void attempt(file, item, words, sender);
    sender.note(item.id, bar, stop);
    request.upload.onprogress = ({ loaded, total }) => (bar.value = loaded / total);
    request.onload = () => {
      const answer = (request.response ?? {}) as SentFile & { detail?: string };
      if (request.status === 201) sender.end({ ...item, attachments: [answer.id!], shown: { type: "attachment", file: answer } });
      else sender.failed(item, answer.detail ?? "", request.status === 413 || request.status === 415 ? undefined : again);
    };
    request.onerror = request.ontimeout = request.onabort = () => sender.failed(item, "", again);
    request.onloadend = () => done();
    request.open("POST", sender.address);
    request.responseType = "json";
    request.timeout = PATIENCE_MS;
    request.setRequestHeader("Authorization", `Bearer ${sender.token()}`);
    const form = new FormData();
    form.set("file", file);
    request.send(form);
  });
}

/** Whether a file is of one of the media types; `*` at the end stands for anything. The server looks again, at what is in it. */
function fits({ type, name }: File, accept: string[]): boolean {
  return !accept.length || !type || accept.some((one) => (one.startsWith(".") ? name.toLowerCase().endsWith(one) : one.endsWith("*") ? type.startsWith(one.slice(0, -1)) : type === one));
}
