/** A text with its gaps filled: `fill("{n} of {m}", { n: 1, m: 5 })`. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all));
}
