// Runs before the first paint, so that the stored theme never flashes.
const stored = localStorage.getItem("theme");
const dark = stored === "dark" || (stored !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
document.documentElement.classList.toggle("dark", dark);
