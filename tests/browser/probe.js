// Put into the page before its own scripts run. It listens beside the page: when clicks go into the
// microphone, when they come out of the call, and what the pictures say and look like. Times are
// performance.now() milliseconds.
(() => {
  const R = (window.__probe = {
    mic: [], voice: [], beats: [], frames: [], stats: [], sound: [], mouth: null, wantSound: false,
  });
  const WORKLET = `
    registerProcessor("probe", class extends AudioWorkletProcessor {
      constructor(options) { super(); this.raw = options.processorOptions.raw; this.last = -1; this.parts = []; this.begin = 0; }
      process([[channel]]) {
        if (!this.raw && currentFrame % 2560 === 0) this.port.postMessage({ beat: currentTime });
        if (!channel) return true;
        for (let n = 0; n < channel.length; n++) {
          if (Math.abs(channel[n]) > 0.18) {
            const t = (currentFrame + n) / sampleRate;
            if (t - this.last > 0.3) this.port.postMessage({ click: t });
            this.last = t;
            }
        }
        if (this.raw) {
          if (!this.parts.length) this.begin = currentFrame / sampleRate;
          this.parts.push(channel.slice());
          if (this.parts.length === 32) { this.port.postMessage({ t: this.begin, parts: this.parts }); this.parts = []; }
        }
        return true;
      }
    })`;
  let context;
  const audio = async () => {
    if (!context) {
      const made = new AudioContext({ sampleRate: 48000, latencyHint: "interactive" });
      context = made.audioWorklet
        .addModule(URL.createObjectURL(new Blob([WORKLET], { type: "text/javascript" })))
        .then(() => made.resume())
        .then(() => made);
    }
    return context;
  };
  const wall = (ctx, t) => {
    const o = ctx.getOutputTimestamp();
    return o.performanceTime + (t - o.contextTime) * 1000;
  };
  async function listen(track, clicks, raw) {
    const ctx = await audio();
    let source = ctx.createMediaStreamSource(new MediaStream([track]));
    // On a starved machine the queue behind such a source grows with every hiccup and never shrinks,
    // which no listener would notice: they hear the element. A new source begins with an empty one.
    setInterval(() => {
      if (R.wantSound || track.readyState === "ended") return;
      source.disconnect();
      source = ctx.createMediaStreamSource(new MediaStream([track]));
      source.connect(node);
    }, 4000);
    const node = new AudioWorkletNode(ctx, "probe", { processorOptions: { raw } });
    const silent = new GainNode(ctx, { gain: 0 });
    source.connect(node).connect(silent).connect(ctx.destination);
    node.port.onmessage = ({ data }) => {
      if (data.click !== undefined) clicks.push({ t: data.click, heard: wall(ctx, data.click) });
      else if (data.beat !== undefined) R.beats.push([data.beat, performance.now()]);
      else if (R.wantSound) {
        const samples = data.parts.flatMap((part) => Array.from(part, (x) => Math.round(x * 32767)));
        R.sound.push({ t: data.t, arrival: performance.now(), samples });
      }
    };
  }

  const original = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    if (!window.__keepProcessing) {
      Object.assign(constraints.audio, { echoCancellation: false, noiseSuppression: false, autoGainControl: false });
    }
    const stream = await original(constraints);
    listen(stream.getAudioTracks()[0], R.mic, false);
    return stream;
  };

  const Upstream = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Upstream {
    constructor(...options) {
      super(...options);
      R.opened = performance.now();
      this.addEventListener("connectionstatechange", () => {
        if (this.connectionState === "connected") R.connected = performance.now();
      });
      this.addEventListener("track", ({ track, streams }) => {
        if (track.kind === "audio") listen(track, R.voice, true);
        else watch(new MediaStream([track]));
        R.streams = (R.streams ?? []).concat(streams.map((s) => s.id));
      });
      const timer = setInterval(async () => {
        if (this.connectionState === "closed") return clearInterval(timer);
        const report = await this.getStats();
        let a, v, codec;
        for (const entry of report.values()) {
          if (entry.type === "inbound-rtp") entry.kind === "audio" ? (a = entry) : (v = entry);
        }
        if (a && v) R.stats.push({ at: performance.now(), a, v, codec: report.get(v.codecId)?.mimeType });
      }, 500);
    }
  };

  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  function watch() {
    const video = document.querySelector("video");
    const look = (now, m) => {
      const { videoWidth: w, videoHeight: h } = video;
      if (w) {
        const frame = { shown: m.expectedDisplayTime, rtp: m.rtpTimestamp };
        if (R.mouth) frame.mouth = patch(video, R.mouth);
        else frame.code = barcode(video, w, h);
        if (!R.first) R.first = performance.now();
        R.frames.push(frame);
      }
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  }
  function barcode(video, w, h) {
    const rows = Math.floor(h / 16);
    canvas.width = w; canvas.height = rows;
    pen.drawImage(video, 0, 0, w, rows, 0, 0, w, rows);
    const data = pen.getImageData(0, rows >> 1, w, 1).data;
    let code = 0;
    for (let bit = 0; bit < 16; bit++) if (data[4 * Math.floor((bit + 0.5) * w / 16)] > 128) code |= 1 << bit;
    let parity = 0;
    for (let bit = 0; bit < 16; bit++) parity ^= (code >> bit) & 1;
    return parity === 0 && (code >> 14) & 1 ? code : 0;
  }
  // The mouth's luma, 32 by 24, row by row; "high" smoothing averages as OpenCV's INTER_AREA does.
  function patch(video, [x0, y0, x1, y1]) {
    const w = 32, h = 24;
    canvas.width = w; canvas.height = h;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(video, x0, y0, x1 - x0, y1 - y0, 0, 0, w, h);
    const data = pen.getImageData(0, 0, w, h).data;
    const luma = [];
    for (let i = 0; i < data.length; i += 4) luma.push(Math.round(0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2]));
    return luma;
  }
})();
