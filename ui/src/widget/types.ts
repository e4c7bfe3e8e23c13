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

/** What was said. Types this widget does not know are shown by their text. */
export interface Body {
  type: string;
  text?: string;
  choices?: Choice[];
  media?: Media[];
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

/** Something to send: the beginning, a text or a picked choice. `id` makes sending it twice harmless. */
export interface Outgoing {
  id: string;
  start?: true;
  text?: string;
  choice?: string;
}

/** A conversation and the token that opens it. */
export interface Conversation {
  id: string;
  token: string;
}
