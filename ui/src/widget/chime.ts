// The sound of a message: two short tones.

let context: AudioContext | undefined;

/** Plays it, where the browser allows pages to sound. */
export function chime(): void {
  context ??= new AudioContext();
  void context.resume();
  for (const [at, frequency] of [
    [0, 660],
    [0.11, 880],
  ] as const) {
    const tone = new OscillatorNode(context, { frequency });
    const loudness = new GainNode(context, { gain: 0 });
    const start = context.currentTime + at;
    loudness.gain.setValueAtTime(0.12, start);
    loudness.gain.exponentialRampToValueAtTime(0.0005, start + 0.25);
    tone.connect(loudness).connect(context.destination);
    tone.start(start);
    tone.stop(start + 0.26);
  }
}
