// The side panel: the widget with the team's own bot; asks once which one that is.

interface Bot {
  server: string;
  channel: string;
}

const KEY = "bot";

const form = document.querySelector<HTMLFormElement>("#settings")!;

async function start(): Promise<void> {
  const kept = (await chrome.storage.local.get(KEY))[KEY] as Bot | undefined;
  const bot = kept ?? (await preset());
  if (bot && !location.search.includes("settings")) show(bot);
  else ask(bot);
}

/** The bot that this extension was made for, if it was made for one. */
async function preset(): Promise<Bot | undefined> {
  const bot = (await (await fetch("preset.json")).json()) as Partial<Bot>;
  return bot.server && bot.channel ? (bot as Bot) : undefined;
}

function show({ server, channel }: Bot): void {
  form.hidden = true;
  const widget = document.createElement("chatloom-widget");
  for (const [name, value] of Object.entries({ server, channel, heading: chrome.runtime.getManifest().name, inline: "", open: "" })) widget.setAttribute(name, value);
  form.after(widget);
}

function ask(bot: Bot | undefined): void {
  const field = (name: keyof Bot) => form.elements.namedItem(name) as HTMLInputElement;
  field("server").value = bot?.server ?? "";
  field("channel").value = bot?.channel ?? "";
  form.querySelector("#origin")!.textContent = new URL(chrome.runtime.getURL("")).origin;
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = { server: field("server").value.trim().replace(/\/+$/, ""), channel: field("channel").value.trim() };
    void chrome.storage.local.set({ [KEY]: chosen }).then(() => show(chosen));
  });
}

void start();
