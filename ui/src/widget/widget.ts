// The entry: defines the element, and mounts it when the channel's loader brought us here.
import { ChatloomWidget } from "./element";
import type { Person } from "./types";

/** What the loader of `/widget/{channel}.js` hangs on our script element. */
interface Mount {
  channel: string;
  server: string;
  settings: Record<string, string>;
}

type Handler = (detail: unknown) => void;

const ATTRIBUTES = ["heading", "accent", "theme", "lang", "dir", "open", "inline", "token", "uploads", "wording"];

const Widget = (customElements.get("chatloom-widget") as typeof ChatloomWidget | undefined) ?? ChatloomWidget;
if (Widget === ChatloomWidget) customElements.define("chatloom-widget", Widget);

const mount = (document.currentScript as (HTMLScriptElement & { chatloom?: Mount }) | null)?.chatloom;
if (mount) whenReady(() => show(mount));

function show({ channel, server, settings }: Mount): void {
  if (document.querySelector(`chatloom-widget[channel="${CSS.escape(channel)}"]`)) return;
  const widget = new Widget();
  widget.setAttribute("channel", channel);
  widget.setAttribute("server", server);
  for (const name of ATTRIBUTES) {
    const value = settings[name];
    if (value !== undefined && value !== "false") widget.setAttribute(name, value);
  }
  (document.querySelector(settings["target"] || "body") ?? document.body).append(widget);
  Object.assign(window, { chatloom: interfaceOf(widget) });
  widget.dispatchEvent(new CustomEvent("chatloom:ready", { bubbles: true, composed: true }));
}

/** `window.chatloom`: what the page around may do. `on` returns a function that stops listening. */
function interfaceOf(widget: ChatloomWidget) {
  return {
    open: () => widget.started.then(() => widget.open()),
    close: () => widget.started.then(() => widget.close()),
    send: (text: string) => widget.started.then(() => widget.send(text)),
    restart: () => widget.started.then(() => widget.restart()),
    identify(person: Person | null): Promise<void> {
      const identified = widget.started.then(() => widget.identify(person));
      widget.started = identified.catch(() => {}); // what is asked for next waits, and comes also when this failed
      return identified;
    },
    on(name: "open" | "close" | "message" | "turn" | "unread" | "standing", handler: Handler): () => void {
      const listener = (event: Event) => handler((event as CustomEvent).detail);
      widget.addEventListener(`chatloom:${name}`, listener);
      return () => widget.removeEventListener(`chatloom:${name}`, listener);
    },
  };
}

function whenReady(run: () => void): void {
  if (document.body) run();
  else addEventListener("DOMContentLoaded", run, { once: true });
}
