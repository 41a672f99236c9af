// Lip sync, helped along. The browser keeps sound and picture of one stream together by itself, but
// it corrects 10 to 20 ms a second and lets 30 ms pass: after a start on a busy machine the picture is
// 60 ms early for some ten seconds. Here the buffers are set in a step or two instead: the one that is
// early waits longer, or, if the other was told to wait, that one waits less.
//
// And both are lowered again, little by little, as long as that one is not early. A picture that was
// told to wait for a sound that was late once would otherwise wait for ever, and the browser would
// hold the sound back for it: after a hiccup of 200 ms both stayed 40 ms later.

// What the browser is asked to buffer at first; for sound it takes 30 ms at least, whatever is asked.
// With these the tracks start in step, within 15 ms; with equal ones the picture is 30 ms early.
const FIRST_MS = { audio: 0, video: 60 };
const LEAST_MS = 0;
const MOST_MS = 400;
const LET_PASS_MS = 12;
// Of the skew, at a time: the figure is some tenths of a second old, and sound is stretched slowly.
const SHARE = { audio: 0.2, video: 0.7 };
const LOWER_BY_MS = 1;
const NOT_EARLY_MS = 4;

export class LipSync {
  #receivers = {};
  #targets = { ...FIRST_MS };

  /** Take a receiver of the call, of either kind. */
  add(receiver) {
    if (!("jitterBufferTarget" in receiver)) return;
    this.#receivers[receiver.track.kind] = receiver;
    this.#set(receiver.track.kind, 0);
  }

  /** Follow a measurement: by how many ms the picture is later than the sound, or NaN. */
  follow(skewMs) {
    if (!Number.isFinite(skewMs)) return;
    if (Math.abs(skewMs) <= LET_PASS_MS) {
      if (skewMs > -NOT_EARLY_MS) this.#set("video", -LOWER_BY_MS);
      if (skewMs < NOT_EARLY_MS) this.#set("audio", -LOWER_BY_MS);
      return;
    }
    const [late, early] = skewMs > 0 ? ["video", "audio"] : ["audio", "video"];
    if (this.#targets[late] > LEAST_MS) this.#set(late, -SHARE[late] * Math.abs(skewMs));
    else this.#set(early, SHARE[early] * Math.abs(skewMs));
  }

  #set(kind, change) {
    const target = Math.min(MOST_MS, Math.max(LEAST_MS, this.#targets[kind] + change));
    this.#targets[kind] = target;
    if (this.#receivers[kind]) this.#receivers[kind].jitterBufferTarget = target;
  }
}
