// What the browser remembers of a channel: the visitor, the conversation (shared by all tabs) and what is still to be sent (this tab only).
import type { Conversation, Outgoing } from "./types";

/** A random id; `crypto.randomUUID` needs a secure page, this does not. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Storage that keeps working, for this page only, where the browser forbids it. */
class Drawer {
  readonly #memory = new Map<string, string>();

  constructor(private readonly name: "localStorage" | "sessionStorage") {}

  read<T>(key: string): T | null {
    const text = this.#memory.get(key) ?? this.#attempt((storage) => storage.getItem(key));
    try {
      return text ? (JSON.parse(text) as T) : null;
    } catch {
      return null;
    }
  }

  write(key: string, value: unknown): void {
    this.#memory.delete(key);
    const text = JSON.stringify(value);
    if (this.#attempt((storage) => (storage.setItem(key, text), true)) === null) this.#memory.set(key, text);
  }

  remove(key: string): void {
    this.#memory.delete(key);
    this.#attempt((storage) => storage.removeItem(key));
  }

  #attempt<T>(use: (storage: Storage) => T): T | null {
    try {
      return use(window[this.name]);
    } catch {
      return null;
    }
  }
}

export class Session {
  readonly #shared: Drawer;
  readonly #own = new Drawer("sessionStorage");
  readonly #prefix: string;

  /** `kept` = the conversation outlives the tab. */
  constructor(channel: string, kept: boolean) {
    this.#shared = kept ? new Drawer("localStorage") : this.#own;
    this.#prefix = `chatloom:${channel}:`;
  }

  /** Who the visitor is to this channel: a random id, no personal data. */
  get visitor(): string {
    const known = this.#shared.read<string>(this.#prefix + "visitor");
    if (known) return known;
    const made = randomId();
    this.#shared.write(this.#prefix + "visitor", made);
    return made;
  }

  get conversation(): Conversation | null {
    return this.#shared.read(this.#prefix + "conversation");
  }

  set conversation(value: Conversation | null) {
    if (value?.id !== this.conversation?.id) this.#shared.remove(this.#prefix + "read");
    if (value) this.#shared.write(this.#prefix + "conversation", value);
    else this.#shared.remove(this.#prefix + "conversation");
  }

  /** Whether messages may sound. */
  get sounds(): boolean {
    return this.#shared.read<boolean>(this.#prefix + "sounds") ?? false;
  }

  set sounds(on: boolean) {
    this.#shared.write(this.#prefix + "sounds", on);
  }

  /** Says who the visitor is to the site around. When that was somebody else before, nothing of theirs is kept: true. */
  identify(id: string | undefined): boolean {
    const before = this.#shared.read<string>(this.#prefix + "person");
    if (id) this.#shared.write(this.#prefix + "person", id);
    else this.#shared.remove(this.#prefix + "person");
    if (!before || before === id) return false;
    this.conversation = null;
    this.outbox = [];
    this.#shared.remove(this.#prefix + "visitor");
    return true;
  }

  /** Goes on with a conversation that was begun elsewhere. */
  continue(conversation: Conversation): void {
    if (this.conversation?.id !== conversation.id) this.outbox = [];
    this.conversation = conversation;
  }

  get outbox(): Outgoing[] {
    return this.#own.read<Outgoing[]>(this.#prefix + "outbox") ?? [];
  }

  set outbox(items: Outgoing[]) {
    this.#own.write(this.#prefix + "outbox", items);
  }

  /** The number of the last message the visitor has seen, for the unread badge. */
  get read(): number {
    return this.#shared.read<number>(this.#prefix + "read") ?? 0;
  }

  set read(seq: number) {
    if (seq > this.read) this.#shared.write(this.#prefix + "read", seq);
  }

  /** Calls back when another tab begins, changes or drops the conversation, and when it was read there. */
  watch(changed: () => void, read: () => void, signal: AbortSignal): void {
    const calls: Record<string, () => void> = { conversation: changed, read };
    addEventListener("storage", ({ key }) => key?.startsWith(this.#prefix) && calls[key.slice(this.#prefix.length)]?.(), { signal });
  }

  /** Runs `work` while no other tab of this site does the same. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    return navigator.locks ? ((await navigator.locks.request(this.#prefix + "begin", work)) as T) : work();
  }
}
