// Looks at a live face from inside the page: what changed in a part of the picture, and when.

/** Grey levels of a part of the picture, in shares of its sides, as seen now. */
function looked(video, [x0, y0, x1, y1]) {
  const canvas = new OffscreenCanvas(48, 48);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const { videoWidth: w, videoHeight: h } = video;
  pen.drawImage(video, x0 * w, y0 * h, (x1 - x0) * w, (y1 - y0) * h, 0, 0, 48, 48);
  const data = pen.getImageData(0, 0, 48, 48).data;
  return Float32Array.from({ length: 48 * 48 }, (_, k) => (data[4 * k] + data[4 * k + 1] + data[4 * k + 2]) / 3);
}

function apart(a, b) {
  return a.reduce((sum, value, k) => sum + Math.abs(value - b[k]), 0) / a.length;
}

/**
 * Do something and watch a part of the picture until it has changed and rests, at most for some
 * time: { before, after, ms }, how far it moved by itself, how far it is from there in the end, and
 * after which time it was a fifth of the way there.
 */
window.watched = async (part, most, act) => {
  const video = document.getElementById("face");
  const frame = () => new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("no picture for 5 s: the call ended, or the machine is too busy")), 5000);
    video.requestVideoFrameCallback((now) => (clearTimeout(late), resolve(now)));
  });
  await frame();
  const rest = looked(video, part);
  let before = 0;
  for (let n = 0; n < 8; n++) {
    await frame();
    before = Math.max(before, apart(rest, looked(video, part)));
  }
  const began = performance.now();
  act();
  const seen = [];
  const far = () => seen.slice(-10).every(([, value]) => value > Math.max(2.5, 3 * before));
  const resting = () => apart(seen.at(-1)[2], seen.at(-8)[2]) < Math.max(0.5, before);
  do {
    const now = await frame();
    const picture = looked(video, part);
    seen.push([now - began, apart(rest, picture), picture]);
  } while (performance.now() < began + 1000 * most && (seen.length < 12 || !far() || !resting()));
  const after = seen.at(-1)[1];
  const moved = seen.find(([, value]) => value > Math.max(after / 5, 1.5 * before));
  return { before, after, ms: moved?.[0] ?? null };
};

/** A call of its own that follows the motion, or not: { told, shown }, motions and RTP times of pictures. */
window.followed = async (avatar, seconds, follow = true) => {
  const { Call } = await import("/client/call.js");
  const { Steering } = await import("/client/steering.js");
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  const call = new Call(), steering = new Steering(), told = [], shown = [];
  const video = document.createElement("video");
  video.muted = true;
  video.autoplay = true;
  const note = (_, { rtpTimestamp }) => {
    shown.push(rtpTimestamp);
    video.requestVideoFrameCallback(note);
  };
  call.addEventListener("channel", ({ detail }) => steering.attach(detail));
  call.addEventListener("stream", ({ detail }) => {
    if (video.srcObject) return; // once for sound, once for the picture
    video.srcObject = detail;
    video.requestVideoFrameCallback(note);
  });
  steering.addEventListener("motion", ({ detail }) => told.push(detail));
  const connected = new Promise((resolve) => steering.addEventListener("connected", resolve, { once: true }));
  await call.start(avatar, microphone);
  await connected;
  if (follow) steering.follow(true);
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  call.stop();
  for (const track of microphone.getTracks()) track.stop();
  return { told, shown };
};
