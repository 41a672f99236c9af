// One call: the microphone to the server, the face and the delayed voice back.

import { changeAvatar, endSession, iceServers, openSession, reportFigures, sessionStatus } from "./api.js";
import { LipSync } from "./sync.js";

const LOOK_EVERY_MS = 500;
const STATUS_EVERY = 2; // looks
const REPORT_EVERY = 10;
const GATHER_WITHIN_MS = 1000;
const SILENCES_BORNE = 3; // status requests in a row without any answer

/**
 * Events: "state" (detail: "connecting" | "live" | "interrupted" | "ended"), "figures" (detail: see
 * Figures), "stream" (detail: MediaStream), "channel" (detail: RTCDataChannel, of control). After "ended" nothing follows; `reason` then says why, if
 * the server did it.
 */
export class Call extends EventTarget {
  #connection = null;
  #location = null;
  #timer = 0;
  #ended = false;
  #figures = new Figures();
  #silences = 0;
  #sync = new LipSync();
  #looks = 0;
  #status = null;
  reason = "";

  /** Connect. Rejects with an ApiError, or the browser's own error. */
  async start(avatar, microphone) {
    this.#say("connecting");
    const servers = await iceServers();
    if (this.#ended) return;
    const connection = (this.#connection = new RTCPeerConnection({ iceServers: servers }));
    connection.addTransceiver(microphone.getAudioTracks()[0], {
      direction: "sendrecv",
      streams: [microphone],
    });
    connection.addTransceiver("video", { direction: "recvonly" });
    this.dispatchEvent(new CustomEvent("channel", { detail: connection.createDataChannel("control") }));
    connection.addEventListener("track", ({ receiver, streams }) => {
      this.#sync.add(receiver);
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
    this.#lookAgain();
  }

  /** Another microphone without a new call. */
  async useMicrophone(microphone) {
    const [sender] = this.#connection?.getSenders() ?? [];
    await sender?.replaceTrack(microphone.getAudioTracks()[0]);
  }

  /** Whether "ended" has been said. */
  get over() {
    return this.#ended;
  }

  /** Another face without a new call; rejects with an ApiError. */
  async become(avatar) {
    if (this.#location) await changeAvatar(this.#location, avatar);
  }

  stop() {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
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

  #lookAgain() {
    this.#timer = setTimeout(() => this.#look(), LOOK_EVERY_MS);
  }

  async #look() {
    if (this.#looks++ % STATUS_EVERY === 0) await this.#ask();
    if (this.#ended) return;
    if (this.reason) return this.stop();
    const figures = this.#figures.of(await this.#connection.getStats(), this.#status);
    this.#sync.follow(figures.skewMs);
    if (this.#looks % REPORT_EVERY === 0 && Number.isFinite(figures.skewMs)) {
      reportFigures(this.#location, figures);
    }
    this.dispatchEvent(new CustomEvent("figures", { detail: figures }));
    if (!this.#ended) this.#lookAgain();
  }

  /** What the server says of this session, or why it says nothing any more. */
  async #ask() {
    try {
      this.#status = await sessionStatus(this.#location);
      this.#silences = 0;
    } catch (error) {
      this.#status = null;
      if (error.status === 404) this.reason = "The server ended the call.";
      else if (++this.#silences === SILENCES_BORNE) this.reason = error.message;
    }
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
    // The media time of what is played now, by the sender's clock: a picture that is early shows a
    // later one than is heard.
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
