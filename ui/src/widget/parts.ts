// Parts that many conversations never need are files of their own, fetched when they are needed.

interface Parts {
  asks: typeof import("./asks");
  chime: typeof import("./chime");
  files: typeof import("./files");
  person: typeof import("./person");
  rich: typeof import("./rich");
}

/** Part -> file beside this script; filled in by the build. */
declare const PARTS: Record<keyof Parts, string>;

const TRIES = 4;

/** Where this script came from. */
export const HOME = (document.currentScript as HTMLScriptElement | null)?.src || location.href;

/** A part, when it is here; tries a few times. */
export async function part<Name extends keyof Parts>(name: Name): Promise<Parts[Name]> {
  for (let tries = 1; ; tries++) {
    try {
      return (await import(new URL(`${PARTS[name]}#${tries}`, HOME).href)) as Parts[Name]; // a browser remembers under which address an import failed
    } catch (error) {
      if (tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** tries));
    }
  }
}
