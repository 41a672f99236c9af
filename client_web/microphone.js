// The microphone: asking for it, choosing one, muting it, and showing that it hears.

const SHOWN_EVERY_MS = 60;

/** Why there is no microphone, in words that can be shown. */
export class MicrophoneError extends Error {}

const REASONS = {
  NotAllowedError: "The microphone is blocked. Allow it for this page in the browser’s address bar.",
  NotFoundError: "No microphone was found. Plug one in, and press Start again.",
  NotReadableError: "The microphone is used by another program. Close that one and try again.",
  OverconstrainedError: "That microphone is gone. Choose another one.",
};

/** A MediaStream with one sound track. Rejects with MicrophoneError. */
export async function openMicrophone(deviceId) {
  if (!navigator.mediaDevices) {
    throw new MicrophoneError(
      "The browser gives the microphone to secure pages only: open this one by https, or as localhost.",
    );
  }
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: {
        deviceId: deviceId ? { exact: deviceId } : undefined,
        channelCount: 1,
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
        latency: 0.01,
      },
    });
  } catch (error) {
    throw new MicrophoneError(REASONS[error.name] ?? `No microphone: ${error.message}`);
  }
}

/** Fill a <select> with the microphones; their names are known once one was allowed. */
export async function listMicrophones(select) {
  if (!navigator.mediaDevices) return;
  const devices = await navigator.mediaDevices.enumerateDevices();
  const chosen = select.value;
  const options = devices
    .filter((device) => device.kind === "audioinput" && device.deviceId && device.deviceId !== "default")
    .map((device, n) => new Option(device.label || `Microphone ${n + 1}`, device.deviceId));
  select.replaceChildren(new Option("Default microphone", ""), ...options);
  select.value = options.some((option) => option.value === chosen) ? chosen : "";
}

/** Shows the loudness of a stream as the width of an element, until stop() is called. */
export class Level {
  #context = new AudioContext();
  #frame = 0;

  constructor(stream, element) {
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 1024;
    this.#context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let shown = 0;
    const draw = (now) => {
      this.#frame = requestAnimationFrame(draw);
      if (now - shown < SHOWN_EVERY_MS) return;
      shown = now;
      analyser.getFloatTimeDomainData(samples);
      const rms = Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
      const share = Math.min(1, Math.max(0, 1 + Math.log10(rms + 1e-6) / 2.5)); // -50 dB to 0 dB
      element.style.transform = `scaleX(${share.toFixed(2)})`;
    };
    this.#frame = requestAnimationFrame(draw);
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    this.#context.close();
  }
}
