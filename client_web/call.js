// One call: the microphone to the server, the face and the delayed voice back.

import { endSession, openSession, sessionStatus } from "./api.js";

// Asked of the browser. Measured: with these the tracks start in step, within 15 ms; with equal ones
// the picture starts 30 ms early, and the browser takes half a minute to find out.
const BUFFER_MS = { audio: 20, video: 50 };
const STATUS_EVERY_MS = 1000;
const GATHER_WITHIN_MS = 1000;

/**
 * Events: "state" (detail: "connecting" | "live" | "interrupted" | "ended"), "figures" (detail: see
 * Figures), "stream" (detail: MediaStream). After "ended" nothing follows.
 */
export class Call extends EventTarget {
  #connection = null;
  #location = null;
  #timer = 0;
  #ended = false;
  #figures = new Figures();

  /** Connect. Rejects with an ApiError, or the browser's own error. */
  async start(avatar, microphone) {
    this.#say("connecting");
    const connection = (this.#connection = new RTCPeerConnection({ iceServers: [] }));
    connection.addTransceiver(microphone.getAudioTracks()[0], {
      direction: "sendrecv",
      streams: [microphone],
    });
    connection.addTransceiver("video", { direction: "recvonly" });
    connection.addEventListener("track", ({ receiver, streams, track }) => {
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = BUFFER_MS[track.kind];
      this.dispatchEvent(new CustomEvent("stream", { detail: streams[0] }));
    });
    connection.addEventListener("connectionstatechange", () => this.#changed());
    try {
      await connection.setLocalDescription();
      await gathered(connection);
      const { location, answer } = await openSession(avatar, connection.localDescription.sdp);
      this.#location = location;
      if (this.#ended) return void endSession(location);
      await connection.setRemoteDescription({ type: "answer", sdp: answer });
    } catch (error) {
      this.stop();
      throw error;
    }
    this.#timer = setInterval(() => this.#look(), STATUS_EVERY_MS);
  }

  /** Another microphone without a new call. */
  async useMicrophone(microphone) {
    const [sender] = this.#connection?.getSenders() ?? [];
    await sender?.replaceTrack(microphone.getAudioTracks()[0]);
  }

  stop() {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    if (this.#location) endSession(this.#location).catch(() => {}); // the server notices by itself
    this.#connection?.close();
    this.#say("ended");
  }

  #changed() {
    const state = this.#connection.connectionState;
    if (state === "connected") this.#say("live");
    else if (state === "disconnected") this.#say("interrupted");
    else if (state === "failed" || state === "closed") this.stop();
  }

  async #look() {
    let status = null;
    try {
      status = await sessionStatus(this.#location);
    } catch (error) {
      if (error.status === 404) return this.stop(); // ended by the server
    }
    if (this.#ended) return;
    const report = await this.#connection.getStats();
    this.dispatchEvent(new CustomEvent("figures", { detail: this.#figures.of(report, status) }));
  }

  #say(state) {
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}

/** What the browser and the server know, as { fps, delayMs, skewMs }; NaN for what is not known. */
class Figures {
  #before = null;

  of(report, status) {
    let audio, video, pair;
    for (const entry of report.values()) {
      if (entry.type === "inbound-rtp" && entry.kind === "audio") audio = entry;
      if (entry.type === "inbound-rtp" && entry.kind === "video") video = entry;
      if (entry.type === "candidate-pair" && entry.nominated) pair = entry;
    }
    const figures = { fps: NaN, delayMs: NaN, skewMs: NaN };
    if (!video) return figures;
    const now = {
      t: video.timestamp,
      frames: video.framesDecoded ?? 0,
      emitted: video.jitterBufferEmittedCount ?? 0,
      delay: video.jitterBufferDelay ?? 0,
    };
    const before = this.#before;
    this.#before = now;
    if (before && now.t > before.t) {
      figures.fps = ((now.frames - before.frames) * 1000) / (now.t - before.t);
      const buffered = (1000 * (now.delay - before.delay)) / (now.emitted - before.emitted);
      const way = 1000 * (pair?.currentRoundTripTime ?? 0);
      if (status) figures.delayMs = status.delay_ms + way + buffered;
    }
    if (audio?.estimatedPlayoutTimestamp && video.estimatedPlayoutTimestamp) {
      figures.skewMs = audio.estimatedPlayoutTimestamp - video.estimatedPlayoutTimestamp;
    }
    return figures;
  }
}

/** All candidates found, or as many as come within a second. */
function gathered(connection) {
  return new Promise((resolve) => {
    const look = () => connection.iceGatheringState === "complete" && resolve();
    connection.addEventListener("icegatheringstatechange", look);
    setTimeout(resolve, GATHER_WITHIN_MS);
    look();
  });
}
