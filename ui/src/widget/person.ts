// Who the visitor is to the site around, and its proof.
import type { Ask } from "./server";
import type { Person } from "./types";

/** A contact as the server takes it: what has no field of its own is an attribute; an id counts only with its proof. */
export function contactOf({ id, hash, name, language, ...attributes }: Person): object {
  const proven = id && hash && { id, hash };
  return { ...proven, ...(name && { name }), ...(language && { language }), ...(Object.keys(attributes).length && { attributes }) };
}

/** Proves to the server who the visitor is; the answer is the conversation that they have here, if any. */
export function prove(contact: object, channel: string, ask: Ask): Promise<{ conversation_id: string; token: string } | null> {
  return ask(`/w/${channel}/identity`, contact);
}
