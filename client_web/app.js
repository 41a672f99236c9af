// The page: it holds the parts together and is the only one that knows them all.

import { pictureUrl } from "./api.js";
import { Call } from "./call.js";
import { ControlPanel } from "./control.js";
import { Create } from "./create.js";
import { Gallery } from "./gallery.js";
import { Level, listMicrophones, openMicrophone } from "./microphone.js";
import { Steering } from "./steering.js";

const part = (id) => document.getElementById(id);
const WORDS = {
  idle: "Not connected",
  asking: "Waiting for the microphone",
  connecting: "Connecting",
  live: "Live",
  interrupted: "Connection interrupted",
  ended: "Not connected",
};

const gallery = new Gallery(part("gallery"));
const create = new Create(part("create"));
const steering = new Steering();
new ControlPanel(part("control"), steering);
let call = null;
let microphone = null;
let level = null;
let previewUrl = null;

function show(state) {
  part("connection").dataset.state = part("picture").dataset.state = state;
  part("connection-text").textContent = WORDS[state];
  const running = !["idle", "ended"].includes(state);
  const start = part("start");
  start.classList.toggle("danger", running);
  part("start-text").textContent = running ? "Stop" : "Start";
  start.querySelector("path").setAttribute("d", running ? "M7 7h10v10H7z" : "M8 5.5v13l11-6.5z");
  part("mute").disabled = !running;
  part("figures").hidden = state !== "live";
  part("face").hidden = !["live", "interrupted"].includes(state);
  part("preview").hidden = !part("face").hidden || !previewUrl;
  part("hint").textContent = { idle: "Choose a face, press Start and speak.", ended: "" }[state] ?? "";
  start.disabled = !gallery.chosen;
}

function trouble(text) {
  part("trouble").textContent = text;
  part("trouble").hidden = !text;
}

async function start() {
  trouble("");
  show("asking");
  const mine = (call = new Call());
  try {
    microphone ??= await openMicrophone(part("microphone").value);
    if (call !== mine) return closeMicrophone();
    level ??= new Level(microphone, part("level"));
    listMicrophones(part("microphone"));
    mute(part("mute").getAttribute("aria-pressed") === "true");
    mine.addEventListener("state", ({ detail }) => {
      if (call !== mine) return;
      if (detail !== "ended") return show(detail);
      ended();
      trouble(mine.reason);
    });
    mine.addEventListener("stream", ({ detail }) => (part("face").srcObject = detail));
    mine.addEventListener("figures", ({ detail }) => figures(detail));
    mine.addEventListener("channel", ({ detail }) => steering.attach(detail));
    await mine.start(gallery.chosen.name, microphone);
  } catch (error) {
    if (call !== mine && call !== null) return;
    ended();
    trouble(error.message);
  }
}

function stop() {
  const old = call;
  call = null;
  old?.stop();
  ended();
}

function ended() {
  call = null;
  closeMicrophone();
  part("face").srcObject = null;
  show("ended");
}

function closeMicrophone() {
  level?.stop();
  level = null;
  part("level").style.transform = "scaleX(0)";
  for (const track of microphone?.getTracks() ?? []) track.stop();
  microphone = null;
}

function mute(on) {
  part("mute").setAttribute("aria-pressed", String(on));
  for (const track of microphone?.getAudioTracks() ?? []) track.enabled = !on;
}

function figures({ fps, delayMs, skewMs }) {
  const known = (value, unit, signed) =>
    Number.isFinite(value) ? `${signed && value > 0 ? "+" : ""}${Math.round(value)}${unit}` : "–";
  part("fps").textContent = known(fps, "");
  part("delay").textContent = known(delayMs, " ms");
  part("skew").textContent = known(skewMs, " ms", true);
}

async function choose(avatar) {
  if (!avatar) return;
  const url = await pictureUrl(avatar.preview).catch(() => null);
  if (gallery.chosen !== avatar) return void (url && URL.revokeObjectURL(url));
  if (previewUrl) URL.revokeObjectURL(previewUrl);
  previewUrl = url;
  const preview = part("preview");
  preview.src = url ?? "";
  preview.alt = avatar.title;
  if (call) return restart();
  show("idle");
}

/** The same microphone, another face. */
function restart() {
  const old = call;
  call = null;
  old.stop();
  start();
}

part("start").addEventListener("click", () => (call ? stop() : start()));
part("mute").addEventListener("click", () => mute(part("mute").getAttribute("aria-pressed") !== "true"));
part("headphones").addEventListener("change", ({ target }) => (part("face").muted = !target.checked));
part("microphone").addEventListener("change", async ({ target }) => {
  if (!call) return;
  try {
    const other = await openMicrophone(target.value);
    closeMicrophone();
    microphone = other;
    level = new Level(other, part("level"));
    mute(part("mute").getAttribute("aria-pressed") === "true");
    await call.useMicrophone(other);
  } catch (error) {
    trouble(error.message);
  }
});
gallery.addEventListener("choose", ({ detail }) => choose(detail));
gallery.addEventListener("listed", ({ detail }) => create.allow(detail.qualities));
create.addEventListener("made", ({ detail }) => gallery.load(detail));
create.addEventListener("bettered", ({ detail }) => gallery.chosen?.name === detail && gallery.load(detail));
addEventListener("pagehide", () => call?.stop());
navigator.mediaDevices?.addEventListener("devicechange", () => listMicrophones(part("microphone")));

show("idle");
listMicrophones(part("microphone"));
gallery.load();
