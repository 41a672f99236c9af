// The microphone: asking for it, choosing one, muting it, and showing that it hears.

const SHOWN_EVERY_MS = 60;

/** Why there is no microphone; `kind` is "denied", "missing", "busy", "gone", "insecure" or "failed". */
export class MicrophoneError extends Error {
  constructor(kind, message = "") {
    super(message);
    this.kind = kind;
  }
}

const KINDS = {
  NotAllowedError: "denied",
  NotFoundError: "missing",
  NotReadableError: "busy",
  OverconstrainedError: "gone",
};

/** A MediaStream with one sound track. Rejects with MicrophoneError. */
export async function openMicrophone(deviceId) {
  if (!navigator.mediaDevices) throw new MicrophoneError("insecure");
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
    throw new MicrophoneError(KINDS[error.name] ?? "failed", error.message);
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

/** Shows the loudness of a stream as the height of an element, until stop() is called. */
export class Level {
  #context = new AudioContext();
  #frame = 0;
  #element;

  constructor(stream, element) {
    this.#element = element;
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
      element.style.transform = `scaleY(${share.toFixed(2)})`;
    };
    this.#frame = requestAnimationFrame(draw);
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    this.#element.style.transform = "scaleY(0)";
    this.#context.close();
  }
}
