// The control protocol (docs/control.md) over a call's data channel: values to the face, and back.

const VERSION = 1;
const MOST_BUFFERED = 16384; // bytes; beyond it values wait, and the latest win

/** What a face does that nobody steers. */
export const NEUTRAL = Object.freeze({
  expression: 1, head: 1, liveliness: 1, smile: 0, brow: 0, eyes: 0, gaze: null, pose: [0, 0, 0],
});

/**
 * Holds what is asked of the face, from call to call, and tells it to whichever call there is.
 * Events: "values" (detail: all of them), "motion" (detail: { pts, rtp, face, head }), "refused"
 * (detail: why, in words), "connected" (detail: whether there is somebody to tell).
 */
export class Steering extends EventTarget {
  values = { ...NEUTRAL };
  initial = { ...NEUTRAL }; // what a reset goes back to
  #touched = false;
  #channel = null;
  #changed = new Set();
  #frame = 0;
  #following = false;

  /** Talk over this channel from now on. */
  attach(channel) {
    this.#channel = channel;
    channel.addEventListener("message", ({ data }) => channel === this.#channel && this.#hear(JSON.parse(data)));
    channel.addEventListener("close", () => {
      if (channel !== this.#channel) return;
      this.#channel = null;
      this.#tell("connected", false);
    });
  }

  /** Ask for some values; they leave with the next animation frame. */
  set(values) {
    this.#touched = true;
    Object.assign(this.values, values);
    for (const name of Object.keys(values)) this.#changed.add(name);
    this.#frame ||= requestAnimationFrame(() => this.#flush());
    this.#tell("values", this.values);
  }

  /** Everything as the server began with. */
  reset() {
    this.set(this.initial);
  }

  blink() {
    this.#send({ do: "blink" });
  }

  /** Whether to be told the motion of every frame. */
  follow(on) {
    this.#following = on;
    this.#send({ motion: on });
  }

  #flush() {
    this.#frame = 0;
    if (!this.#open) return; // the next channel is told everything
    if (this.#channel.bufferedAmount > MOST_BUFFERED) {
      this.#frame = requestAnimationFrame(() => this.#flush());
      return;
    }
    const values = Object.fromEntries([...this.#changed].map((name) => [name, this.values[name]]));
    this.#changed.clear();
    this.#send({ set: values });
  }

  #hear(told) {
    if (told.version !== undefined) this.#greet(told);
    else if (told.face) this.#tell("motion", told);
    else if (told.error) this.#tell("refused", told.error);
  }

  #greet({ version, control }) {
    if (version !== VERSION) return this.#tell("refused", `The server speaks version ${version} of control.`);
    for (const name of Object.keys(NEUTRAL)) this.initial[name] = control[name];
    if (this.#touched) this.#send({ set: this.values });
    else {
      Object.assign(this.values, this.initial);
      this.#tell("values", this.values);
    }
    if (this.#following) this.follow(true);
    this.#tell("connected", true);
  }

  get #open() {
    return this.#channel?.readyState === "open";
  }

  #send(what) {
    if (this.#open) this.#channel.send(JSON.stringify(what));
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
