// The large picture: the chosen face at rest, the live one, and the light around it.

const WORDS = {
  loading: "Loading",
  idle: "Not connected",
  asking: "Waiting for the microphone",
  connecting: "Connecting",
  live: "Live",
  interrupted: "Connection interrupted",
  reconnecting: "Reconnecting",
};
const HINTS = {
  asking: "Allow the microphone, please",
  connecting: "",
  interrupted: "Waiting for the network",
  reconnecting: "Looking for the server",
};

export class Stage {
  #part;
  #url = null;

  constructor(part) {
    this.#part = part;
  }

  /** Show a state of the call; see live.js, and "loading" before there is a face. */
  show(state, startable) {
    const part = this.#part;
    const running = !["loading", "idle"].includes(state);
    part("connection").dataset.state = part("picture").dataset.state = state;
    part("connection-text").textContent = WORDS[state];
    part("start").classList.toggle("danger", running);
    part("start").disabled = !running && !startable;
    part("start-text").textContent = running ? "Stop" : "Start";
    part("start-icon").setAttribute("href", running ? "#i-stop" : "#i-play");
    part("mute").disabled = !running;
    part("figures").hidden = state !== "live";
    const video = part("face");
    if (!running) video.srcObject = null;
    video.hidden = !["live", "interrupted"].includes(state);  // of a call that ended it would be black
    part("preview").hidden = !video.hidden || !this.#url;
    part("hint").textContent = state === "idle" && startable ? "Press Start and speak" : (HINTS[state] ?? "");
  }

  /** A face at rest: its picture's object URL, which is revoked here, or null. */
  rest(url, title) {
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = url;
    const preview = this.#part("preview");
    preview.alt = title;
    preview.hidden = !url || !this.#part("face").hidden;
    if (!url) return preview.removeAttribute("src");
    preview.src = url;
    preview.decode().then(() => this.#glow(preview), () => {});
  }

  /** The picture in a dozen pixels, scaled up: a blur that costs nothing while the video plays. */
  #glow(image) {
    const canvas = this.#part("glow");
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(image, 1, 1, canvas.width - 2, canvas.height - 2);
  }

  figures({ fps, delayMs, skewMs }) {
    const known = (value, unit, signed) =>
      Number.isFinite(value) ? `${signed && value > 0 ? "+" : ""}${Math.round(value)}${unit}` : "–";
    this.#part("fps").textContent = known(fps, "");
    this.#part("delay").textContent = known(delayMs, " ms");
    this.#part("skew").textContent = known(skewMs, " ms", true);
  }
}
