// Being live: the microphone, one call after the other, and what is done when one breaks off.

import { Call } from "./call.js";
import { Level, openMicrophone } from "./microphone.js";

const WAITS_MS = [500, 1500, 3000, 5000]; // before each new try; then it is given up

/**
 * Events: "state" (detail: "idle" | "asking" | "connecting" | "live" | "interrupted" | "reconnecting"),
 * "channel" (RTCDataChannel), "stream" (MediaStream), "figures" (see call.js), "trouble" (an Error: why it is idle again).
 */
export class Live extends EventTarget {
  #call = null;
  #microphone = null;
  #level = null;
  #levelElement;
  #avatar = null;
  #muted = false;
  #turn = 0; // whoever waited and finds another number has been overtaken
  state = "idle";

  constructor(levelElement) {
    super();
    this.#levelElement = levelElement;
  }

  get running() {
    return this.state !== "idle";
  }

  async start(avatar, device) {
    const turn = ++this.#turn;
    this.#avatar = avatar;
    this.#say("asking");
    try {
      const microphone = await openMicrophone(device);
      if (turn !== this.#turn) return closeTracks(microphone);
      this.#hear(microphone);
      await this.#connect(turn);
    } catch (error) {
      if (turn === this.#turn) this.stop(error);
    }
  }

  /** End it; with an error, say that it was not the user who did. */
  stop(error = null) {
    this.#turn++;
    this.#drop();
    this.#level?.stop();
    this.#level = null;
    closeTracks(this.#microphone);
    this.#microphone = null;
    this.#say("idle");
    if (error) this.#tell("trouble", error);
  }

  /** Another face, or a new edition of the same. The call goes on. */
  async become(avatar) {
    this.#avatar = avatar;
    if (!["live", "interrupted"].includes(this.state)) return;
    const turn = this.#turn;
    try {
      await this.#call.become(avatar.name);
    } catch (error) {
      if (turn === this.#turn) this.stop(error);
    }
  }

  mute(on) {
    this.#muted = on;
    for (const track of this.#microphone?.getAudioTracks() ?? []) track.enabled = !on;
  }

  /** Another microphone in the middle of a call. Rejects with MicrophoneError; the old one stays. */
  async useMicrophone(device) {
    if (!this.#microphone) return;
    const turn = this.#turn;
    const microphone = await openMicrophone(device);
    if (turn !== this.#turn) return closeTracks(microphone);
    closeTracks(this.#microphone);
    this.#hear(microphone);
    await this.#call?.useMicrophone(microphone);
  }

  #hear(microphone) {
    this.#microphone = microphone;
    this.#level?.stop();
    this.#level = new Level(microphone, this.#levelElement);
    this.mute(this.#muted);
  }

  /** One call, up to the moment at which it is live. */
  async #connect(turn) {
    const call = (this.#call = new Call());
    const mine = () => turn === this.#turn && call === this.#call;
    let opened = false;
    let wasLive = false;
    const live = new Promise((resolve, reject) => {
      call.addEventListener("state", ({ detail }) => {
        if (!mine()) return;
        if (detail !== "ended") {
          if (detail === "live") resolve((wasLive = true));
          if (detail !== "connecting" || this.state !== "reconnecting") this.#say(detail);
        } else if (wasLive) {
          this.#again(turn, call.reason);
        } else if (opened) {
          reject(unreached());
        }
      });
    });
    live.catch(() => {}); // it is looked at below, if the call comes that far
    call.addEventListener("channel", ({ detail }) => this.#tell("channel", detail));
    call.addEventListener("stream", ({ detail }) => mine() && this.#tell("stream", detail));
    call.addEventListener("figures", ({ detail }) => mine() && this.#tell("figures", detail));
    await call.start(this.#avatar.name, this.#microphone);
    opened = true;
    if (call.over && !wasLive) throw unreached();
    await live;
  }

  /** The call broke off: try again, some times. */
  async #again(turn, reason) {
    this.#drop();
    this.#say("reconnecting");
    let error = new Error(reason || "The connection was lost.");
    for (const wait of WAITS_MS) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      if (turn !== this.#turn) return;
      try {
        return await this.#connect(turn);
      } catch (failure) {
        error = failure;
        if (turn !== this.#turn) return;
        this.#drop();
      }
    }
    error.lost = true;
    this.stop(error);
  }

  #drop() {
    const call = this.#call;
    this.#call = null;
    call?.stop();
  }

  #say(state) {
    if (state === this.state) return;
    this.state = state;
    this.#tell("state", state);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function unreached() {
  return Object.assign(new Error("Browser and server found no way to each other."), { kind: "unreached" });
}

function closeTracks(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
