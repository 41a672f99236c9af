// Lip sync, helped along. The browser keeps sound and picture of one stream together by itself, but
// it corrects 10 to 20 ms a second and lets 30 ms pass: after a start on a busy machine the picture is
// 60 ms early for some ten seconds. Here the picture's buffer is set in a step or two instead.
//
// And it is lowered again, little by little, as long as the picture is not early. A picture that was
// told to wait for a sound that was late once would otherwise wait for ever, and the browser would
// hold the sound back for it: after a hiccup of 200 ms both stayed 40 ms later.

// What the browser is asked to buffer at first. Measured: with these the tracks start in step, within
// 15 ms; with equal ones the picture is 30 ms early.
const FIRST_MS = { audio: 20, video: 50 };
const MOST_MS = 400;
const LET_PASS_MS = 12;
const SHARE = 0.7; // of the skew, at a time: the figure is some tenths of a second old
const LOWER_BY_MS = 1;
const EARLY_MS = -4;

export class LipSync {
  #video = null;
  #target = FIRST_MS.video;

  /** Take a receiver of the call, of either kind. */
  add(receiver) {
    if (!("jitterBufferTarget" in receiver)) return;
    receiver.jitterBufferTarget = FIRST_MS[receiver.track.kind];
    if (receiver.track.kind === "video") this.#video = receiver;
  }

  /** Follow a measurement: by how many ms the picture is later than the sound, or NaN. */
  follow(skewMs) {
    if (!this.#video || !Number.isFinite(skewMs)) return;
    const change = Math.abs(skewMs) > LET_PASS_MS ? -SHARE * skewMs : skewMs > EARLY_MS ? -LOWER_BY_MS : 0;
    this.#target = Math.min(MOST_MS, Math.max(FIRST_MS.audio, this.#target + change));
    this.#video.jitterBufferTarget = this.#target;
  }
}
