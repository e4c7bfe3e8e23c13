// Answers that are not words: a rating on its scale, a day, a place, a file.
import { CLIP, PIN, SEND, el, icon } from "./dom";
import css from "./asks.css";
import { fill } from "./fill";
import type { Strings } from "./strings";
import { choose, date as dateWord, locate, rating } from "./strings/en.json";
import type { Body, Location } from "./types";

export { css };

/** What the answer leads to. */
export interface Answers {
  say(text: string): void;
  place(place: Location): void;
  choose(): void;
}

/** Makes the replies look like what is asked for, and puts into `box` what else is needed to answer. */
export function ask({ asks, asks_about: about }: Partial<Body>, box: HTMLElement, replies: HTMLElement, strings: Strings, answers: Answers): void {
  const words = { choose, date: dateWord, locate, rating, ...strings };
  if (asks === "rating") rate(replies, about?.scale ?? "", words.rating);
  else if (asks === "date") box.append(day(words.date, strings.send, answers));
  else if (asks === "file") box.append(big(words.choose, CLIP, () => answers.choose()));
  else if (asks === "location" && navigator.geolocation) box.append(big(words.locate, PIN, () => here(answers)));
  box.hidden = !box.childElementCount;
}

function rate(replies: HTMLElement, scale: string, word: string): void {
  replies.dataset["scale"] = scale;
  if (scale === "thumbs") return;
  const buttons = [...replies.children];
  for (const one of buttons) one.setAttribute("aria-label", fill(word, { n: one.textContent, m: buttons.at(-1)!.textContent }));
}

/** The browser's own date picker: it knows the visitor's calendar, language and keyboard. */
function day(label: string, send: string, answers: Answers): HTMLElement {
  const input = el("input", { type: "date", required: true, "aria-label": label });
  const form = el("form", { class: "day" }, input, el("button", { class: "send", title: send, "aria-label": send }, icon(SEND)));
  form.addEventListener("submit", (event) => (event.preventDefault(), input.value && answers.say(input.value)));
  return form;
}

function big(label: string, picture: string, click: () => void): HTMLElement {
  return el("button", { type: "button", class: "big", click }, icon(picture), label);
}

function here(answers: Answers): void {
  navigator.geolocation.getCurrentPosition(
    ({ coords: { latitude, longitude } }) => answers.place({ latitude, longitude }),
    () => {}, // they may write where they are
  );
}
