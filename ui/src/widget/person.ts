// Who the visitor is to the site around, and its proof.
import type { Ask } from "./server";
import type { Person } from "./types";

/** A contact of the server; `id` and `hash` only together. */
interface Contact {
  id?: string;
  hash?: string;
  name?: string;
  language?: string;
  attributes?: object;
}

/** Who the server says the visitor is, and the conversation that they have here, if any. */
interface Proven {
  contact: { id: string; proof: string };
  conversation_id: string | null;
  token: string | null;
}

/** A contact as the server takes it: what has no field of its own is an attribute; an id counts only with its proof. */
export function contactOf({ id, hash, name, language, ...attributes }: Person): Contact {
  return { ...(id && hash && { id, hash }), ...(name && { name }), ...(language && { language }), ...(Object.keys(attributes).length > 0 && { attributes }) };
}

/** Proves to the server who the visitor is; the answer is the conversation that they have here, if any. */
export function prove(contact: object, channel: string, ask: Ask): Promise<Proven> {
  return ask(`/w/${channel}/identity`, contact);
}
