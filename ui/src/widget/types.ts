/** An answer the customer may pick. */
export interface Choice {
  value: string;
  label: string;
}

/** A picture, sound, film or file beside the text. */
export interface Media {
  kind: string;
  url: string;
  alt?: string;
}

/** A button of a card: it answers, or opens a page. */
export interface Button {
  label: string;
  value?: string;
  url?: string;
}

/** A picture with a title, words and buttons; without a title only its buttons. */
export interface Card {
  title?: string;
  text?: string;
  image_url?: string;
  alt?: string;
  buttons?: Button[];
}

/** A place in degrees. */
export interface Location {
  latitude: number;
  longitude: number;
}

/** A file that the visitor sent; `id` is the server's, the size is in bytes. */
export interface SentFile {
  id?: string;
  name: string;
  size: number;
  media_type: string;
  url?: string;
}

/** What kind of answer the bot wants beside words, and its details. */
export interface Asked {
  scale?: string;
  accept?: string[];
  max_mb?: number;
}

/** What was said. Types this widget does not know are shown by their text. */
export interface Body {
  type: string;
  text?: string;
  choices?: Choice[];
  media?: Media[];
  cards?: Card[];
  file?: SentFile;
  others?: SentFile[];
  asks?: string;
  asks_about?: Asked;
  typing_ms?: number;
  call_id?: string;
}

/** One message of the conversation; `seq` numbers them 1, 2, 3... */
export interface Message {
  seq: number;
  direction: "in" | "out";
  body: Body;
  at: string;
  client_message_id?: string | null;
}

/** What the server answers to a sent message. */
export interface Answer {
  conversation_id: string;
  token: string;
  turn: number;
  status: string;
  messages: Message[];
  waiting_for: string | null;
}

/** Something to send: the beginning, a text, a picked choice, a place or files. `id` makes sending it twice harmless; `shown` stands in the log. */
export interface Outgoing {
  id: string;
  start?: true;
  text?: string;
  choice?: string;
  location?: Location;
  attachments?: string[];
  shown?: Body;
}

/** A conversation and the token that opens it. */
export interface Conversation {
  id: string;
  token: string;
}

/** How the conversation stands: with the bot, waiting for a person (`line`: how many are served before, and oneself), or over. */
export interface Standing {
  status: "open" | "handed_off" | "closed";
  line: number | null;
}

/** Who the visitor is to the site around: `id` counts only with `hash`, the site's proof. Everything else is kept of the contact. */
export interface Person {
  id?: string;
  hash?: string;
  name?: string;
  language?: string;
  [attribute: string]: string | number | boolean | null | undefined;
}
