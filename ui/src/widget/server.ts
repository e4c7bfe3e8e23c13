// The server's doors, as far as a visitor goes through them.
import { Refused } from "./outbox";
import type { Answer, Message, Outgoing } from "./types";

const POST_TIMEOUT_MS = 90_000;

/** Asks the server in the name of the conversation; throws Refused, or anything else when the server was not reached. */
export type Ask = <T>(path: string, body?: object) => Promise<T>;

export class Server {
  constructor(
    private readonly root: string,
    private readonly channel: string,
    private readonly closed: AbortSignal,
    private readonly token: () => string | undefined,
  ) {}

  /** Says something in a conversation, or begins one. */
  say({ id, start, text, choice, location, attachments }: Outgoing, where: object): Promise<Answer> {
    const said = start ? { start } : { text, choice, location, attachments };
    return this.ask(`/api/v2/chat/message?channel=${this.channel}`, { channel_id: this.channel, ...where, client_message_id: id, ...said });
  }

  /** The messages before one of them. */
  history(conversation: string, before: number): Promise<Message[]> {
    return this.ask(`/w/${this.channel}/messages?conversation=${conversation}&before=${before}`);
  }

  /** The address of a door, with the channel, for which the server asks. */
  address(path: string): string {
    return `${this.root}${path}?channel=${this.channel}`;
  }

  readonly ask: Ask = async <T>(path: string, body?: object) => {
    const token = this.token();
    const response = await fetch(this.root + path, {
      method: body ? "POST" : "GET",
      headers: { Accept: "application/json", ...(body && { "Content-Type": "application/json" }), ...(token && { Authorization: `Bearer ${token}` }) },
      body: body && JSON.stringify(body),
      signal: AbortSignal.any([this.closed, AbortSignal.timeout(POST_TIMEOUT_MS)]),
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "origin",
    });
    if (response.ok) return (await response.json()) as T;
    const problem = (await response.json().catch(() => ({}))) as { detail?: string };
    throw new Refused(response.status, problem.detail ?? "", 1000 * Number(response.headers.get("Retry-After") ?? 0));
  };
}
