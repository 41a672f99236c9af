// The camera: a live view, a photo out of it, or a short clip without sound.

const IDEAL = { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 960 } };
const CLIP_TYPES = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/mp4", "video/webm"];
const CLIP_BITS_PER_SECOND = 6_000_000;
const JPEG_QUALITY = 0.95;

const REASONS = {
  NotAllowedError: "The camera is blocked. Allow it for this page in the browser’s address bar.",
  NotFoundError: "No camera was found. Plug one in, or choose a file instead.",
  NotReadableError: "The camera is used by another program. Close that one and try again.",
};

/** A live view in a <video> element. Rejections have a message that can be shown. */
export class Camera {
  #view;
  #stream = null;
  #opening = 0;

  constructor(view) {
    this.#view = view;
  }

  async open() {
    this.close();
    const mine = ++this.#opening;
    if (!navigator.mediaDevices) {
      throw new Error("Browsers give the camera to secure pages only: open this one by https, or as localhost.");
    }
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: IDEAL });
    } catch (error) {
      throw new Error(REASONS[error.name] ?? `No camera: ${error.message}`);
    }
    if (mine !== this.#opening) return stop(stream); // closed while the browser asked
    this.#stream = stream;
    this.#view.srcObject = stream;
    await this.#view.play();
  }

  close() {
    this.#opening++;
    stop(this.#stream);
    this.#stream = null;
    this.#view.srcObject = null;
  }

  get isOpen() {
    return this.#stream !== null;
  }

  /** What is seen now, the square in the camera's middle, as a JPEG file; not mirrored. */
  async photo() {
    const { videoWidth: width, videoHeight: height } = this.#view;
    const side = Math.min(width, height);
    const canvas = new OffscreenCanvas(side, side);
    canvas.getContext("2d").drawImage(this.#view, (side - width) / 2, (side - height) / 2);
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: JPEG_QUALITY });
    return new File([blob], "camera.jpg", { type: "image/jpeg" });
  }

  /** Film without sound until `ended` (a promise) resolves: a video file, or null for false. */
  async clip(ended) {
    const mimeType = CLIP_TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    const recorder = new MediaRecorder(this.#stream, { mimeType, videoBitsPerSecond: CLIP_BITS_PER_SECOND });
    const chunks = [];
    recorder.addEventListener("dataavailable", ({ data }) => data.size && chunks.push(data));
    const stopped = new Promise((resolve) => recorder.addEventListener("stop", resolve, { once: true }));
    recorder.start(1000);
    const wanted = await ended;
    if (recorder.state !== "inactive") recorder.stop();
    await stopped;
    const type = recorder.mimeType.split(";")[0];
    return wanted && chunks.length ? new File(chunks, `clip.${type.split("/")[1]}`, { type }) : null;
  }
}

function stop(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
