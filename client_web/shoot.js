// Taking a picture of oneself: a photo after a countdown, or a clip with somebody saying what to do.

import { Camera } from "./camera.js";

const COUNT = 3;
const STEP_MS = 900;
const CLIP_MS = 13_000;
const ENOUGH_MS = 8_000; // from here on one may stop by oneself
// What to do, from when on.
const SCRIPT = [
  [0, "Lips closed, look into the camera"],
  [2_500, "Read aloud: “My mother bought a big blue boat. We saw five happy wolves above the mill.”"],
  [7_500, "“Please keep the small pump above the bed. Who chose the cheese for Thursday?”"],
  [11_500, "Lips closed again"],
];
const VIEW = ["viewfinder", "oval", "shutter"];
const GUIDES = {
  camera: "Face in the oval, light from the front, lips closed",
  clip: "Thirteen seconds: look here, and read aloud what appears",
};

/** Events: "taken" (detail: a File), "trouble" (detail: why there is no camera). */
export class Shoot extends EventTarget {
  #part;
  #camera;
  #mode = null;
  #turn = 0; // a countdown or clip that finds another number has been left
  #finish = null;

  constructor(part) {
    super();
    this.#part = part;
    this.#camera = new Camera(part("viewfinder"));
    part("shutter").addEventListener("click", () => this.#press());
  }

  /** Show the camera, for a "camera" photo or a "clip". */
  async open(mode) {
    this.close();
    const turn = this.#turn;
    this.#mode = mode;
    this.#prompt("Waiting for the camera");
    try {
      await this.#camera.open();
    } catch (error) {
      if (turn !== this.#turn) return;
      this.close();
      this.dispatchEvent(new CustomEvent("trouble", { detail: error.message }));
      return;
    }
    if (turn !== this.#turn) return;
    for (const id of VIEW) this.#part(id).toggleAttribute("hidden", false);
    this.#ready();
  }

  /** Leave the camera, whatever is going on. */
  close() {
    this.#turn++;
    this.#finish?.(false);
    this.#finish = null;
    this.#camera.close();
    this.#ring(0);
    for (const id of [...VIEW, "prompt", "countdown"]) this.#part(id).toggleAttribute("hidden", true);
  }

  #ready() {
    this.#prompt(GUIDES[this.#mode]);
    this.#part("shutter").textContent = this.#mode === "clip" ? "Start filming" : "Take photo";
    this.#part("shutter").disabled = false;
  }

  async #press() {
    if (this.#finish) return this.#finish(true);
    const turn = this.#turn;
    this.#part("shutter").disabled = true;
    if (!(await this.#countDown(turn))) return;
    const file = this.#mode === "clip" ? await this.#film(turn) : await this.#camera.photo();
    if (turn !== this.#turn || !file) return;
    this.close();
    this.dispatchEvent(new CustomEvent("taken", { detail: file }));
  }

  /** Three, two, one; false if it was left meanwhile. */
  async #countDown(turn) {
    const number = this.#part("countdown");
    this.#prompt(this.#mode === "clip" ? SCRIPT[0][1] : "Look into the camera");
    for (let left = COUNT; left > 0 && turn === this.#turn; left--) {
      number.textContent = left;
      number.hidden = false;
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
    if (turn === this.#turn) number.hidden = true;
    return turn === this.#turn;
  }

  async #film(turn) {
    const shutter = this.#part("shutter");
    const began = performance.now();
    const ended = new Promise((resolve) => (this.#finish = resolve));
    const tick = setInterval(() => {
      const ms = performance.now() - began;
      this.#ring(Math.min(1, ms / CLIP_MS));
      this.#prompt(SCRIPT.findLast(([from]) => ms >= from)[1]);
      shutter.textContent = ms < ENOUGH_MS ? `${Math.ceil((CLIP_MS - ms) / 1000)} s` : "Done";
      shutter.disabled = ms < ENOUGH_MS;
      if (ms >= CLIP_MS) this.#finish?.(true);
    }, 100);
    const file = await this.#camera.clip(ended);
    clearInterval(tick);
    if (turn === this.#turn) this.#finish = null;
    return file;
  }

  #prompt(text) {
    const prompt = this.#part("prompt");
    prompt.hidden = false;
    if (prompt.textContent !== text) prompt.textContent = text;
  }

  /** How much of the clip is done, 0 to 1, around the oval. */
  #ring(share) {
    this.#part("oval").classList.toggle("filming", share > 0);
    this.#part("oval-line").style.strokeDashoffset = String(100 * (1 - share));
  }
}
