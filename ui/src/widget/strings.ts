// Every word the widget says by itself. English is built in; other languages are one file each, fetched when they are spoken. `{n}` stands for
// something that is put in.
import { HOME } from "./parts";
import {
  answers, bot, close, connecting, earlier, ended, failed, line, log, newer, offline, online, open, placeholder, restart, retry, send, sound, title, unavailable, unread, waiting, you,
} from "./strings/en.json";

const core = {
  answers, bot, close, connecting, earlier, ended, failed, line, log, newer, offline, online, open, placeholder, restart, retry, send, sound, title, unavailable, unread, waiting, you,
};

type Word = keyof typeof import("./strings/en.json");

/** The words at hand; parts that are loaded later bring their own English. */
export type Strings = typeof core & Partial<Record<Word, string>>;

/** The channel's own words: language -> word -> text. */
export type Wording = Record<string, Partial<Record<Word, string>>>;

/** Language -> file; filled in by the build. */
declare const LANGUAGES: Record<string, string>;

const RIGHT_TO_LEFT = /^(ar|arc|dv|fa|he|ku|ps|sd|ug|ur|yi)\b/i;

/** The words of a language ("pt-BR" falls back to "pt", then English), with the channel's own on top. */
export async function stringsOf(language: string, own: Wording): Promise<Strings> {
  const base = baseOf(language);
  const file = LANGUAGES[base];
  const shipped = file && (await fetch(new URL(file, HOME)).then((answer) => answer.json(), () => {}));
  return { ...core, ...shipped, ...own[base], ...own[language] };
}

/** The first of the wished languages that the widget speaks, or English. */
export function languageOf(own: Wording, ...wishes: (string | null | undefined)[]): string {
  return wishes.find((wish) => wish && [LANGUAGES, own].some((known) => baseOf(wish) in known || wish in known)) ?? "en";
}

/** The direction a language is written in. */
export function directionOf(language: string): "rtl" | "ltr" {
  return RIGHT_TO_LEFT.test(language) ? "rtl" : "ltr";
}

function baseOf(language: string): string {
  return language.toLowerCase().split("-")[0]!;
}
