// The session as a file: what the browser receives, picture and delayed voice, as it is.

// Files that most players open come first.
const TYPES = [
  "video/mp4;codecs=avc1.42E01E,mp4a.40.2",
  "video/mp4;codecs=avc1.42E01E,opus",
  "video/webm;codecs=vp9,opus",
  "video/webm;codecs=vp8,opus",
  "video/webm",
];
const LONGEST_MS = 60 * 60 * 1000; // then it is saved and over: a forgotten one fills the disk
const CHUNK_MS = 1000;

/** Events: "time" (detail: whole seconds), "saved" (detail: the file's name), "failed" (detail: why). */
export class Recording extends EventTarget {
  #recorder = null;
  #timer = 0;

  static get possible() {
    return "MediaRecorder" in window;
  }

  get running() {
    return this.#recorder !== null;
  }

  start(stream, title) {
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    const recorder = (this.#recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: 2_500_000 }));
    const chunks = [];
    const began = performance.now();
    recorder.addEventListener("dataavailable", ({ data }) => data.size && chunks.push(data));
    recorder.addEventListener("stop", () => {
      this.#over();
      if (!chunks.length) return this.#tell("failed", "Nothing was recorded.");
      const type = recorder.mimeType.split(";")[0];
      const name = fileName(title, type);
      save(new Blob(chunks, { type }), name);
      this.#tell("saved", name);
    });
    recorder.addEventListener("error", ({ error }) => {
      this.#over();
      this.#tell("failed", error?.message ?? "The recording broke off.");
    });
    recorder.start(CHUNK_MS);
    this.#tell("time", 0);
    this.#timer = setInterval(() => {
      const ms = performance.now() - began;
      this.#tell("time", Math.floor(ms / 1000));
      if (ms > LONGEST_MS) this.stop();
    }, 250);
  }

  /** End it and save the file. */
  stop() {
    if (this.#recorder?.state === "recording") this.#recorder.stop();
  }

  #over() {
    clearInterval(this.#timer);
    this.#recorder = null;
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** "Ada 2026-11-26 14.30.05.webm": what sorts by time, and is allowed on every system. */
function fileName(title, type) {
  const two = (number) => String(number).padStart(2, "0");
  const now = new Date();
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join(".");
  const safe = title.replace(/[\\/:*?"<>|\p{Cc}]/gu, " ").trim() || "Avatar";
  return `${safe} ${day} ${time}.${type === "video/mp4" ? "mp4" : "webm"}`;
}

/** Hand a file to the browser's downloads. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** 75 -> "1:15" */
export function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}
