/** Black or white, whichever is easier to read on a colour (WCAG relative luminance). */
export function readableOn(color: string): string {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (!context) return "#fff";
  context.fillStyle = "#4f46e5";
  context.fillStyle = color.trim();
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = [...context.getImageData(0, 0, 1, 1).data].map((byte) => ((byte / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue! > 0.3 ? "#15151f" : "#fff";
}
