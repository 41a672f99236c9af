// The page: it holds the parts together and is the only one that knows them all.

import { pictureUrl, request } from "./api.js";
import { ControlPanel } from "./control.js";
import { Create } from "./create.js";
import { Gallery } from "./gallery.js";
import { Jobs } from "./jobs.js";
import { Live } from "./live.js";
import { Manage } from "./manage.js";
import { listMicrophones } from "./microphone.js";
import { Notice, kindOf } from "./notices.js";
import { Recording, clock } from "./recording.js";
import { Stage } from "./stage.js";
import { Steering } from "./steering.js";
import { toast } from "./toasts.js";

const LOOK_FOR_SERVER_MS = 3000;

const part = (id) => document.getElementById(id);
const gallery = new Gallery(part("gallery"));
const create = new Create(part);
const jobs = new Jobs(part("jobs"));
const live = new Live(part("level"));
const manage = new Manage(part);
const notice = new Notice(part);
const recording = new Recording();
const stage = new Stage(part);
const steering = new Steering();
new ControlPanel(part("control"), steering);
let looking = 0;
let shown = null; // the avatar whose picture is on the stage

function show() {
  const state = live.running || shown || notice.kind ? live.state : "loading";
  stage.show(state, gallery.chosen && !notice.kind);
  part("record").disabled = !Recording.possible || !["live", "interrupted"].includes(state);
}

function start() {
  notice.hide();
  if (gallery.chosen) live.start(gallery.chosen, part("microphone").value);
}

/** Say what is in the way; the button beside it tries again. */
function trouble(error) {
  const kind = kindOf(error);
  if (kind === "gone") lookForServer();
  const retry = kind === "gone" ? reload : kind === "gone_microphone" ? () => openSound(true) : start;
  notice.show(kind, error.message, kind === "gone" && gallery.chosen ? start : retry);
  show();
}

function reload() {
  clearTimeout(looking);
  notice.hide();
  jobs.load();
  return gallery.load();
}

/** Until the server is back, which makes the page whole again by itself. */
function lookForServer() {
  clearTimeout(looking);
  looking = setTimeout(async () => {
    const back = await request("/healthz").then(() => true, () => false);
    if (notice.kind !== "gone") return;
    if (back) reload();
    else lookForServer();
  }, LOOK_FOR_SERVER_MS);
}

/** Put a face on the stage, or another edition of the one that is there. */
async function choose(avatar) {
  manage.show(avatar);
  if (live.running) live.become(avatar);
  const url = await pictureUrl(avatar.still).catch(() => null);
  if (gallery.chosen !== avatar) return void (url && URL.revokeObjectURL(url));
  shown = avatar;
  stage.rest(url, avatar.title);
  if (["empty", "bare", "gone"].includes(notice.kind)) notice.hide();
  show();
}

function listed(found) {
  create.allow(found);
  if (found.avatars.length) return;
  shown = null;
  stage.rest(null, "");
  manage.show(undefined);
  const possible = found.qualities.length || found.canImport;
  notice.show(possible ? "empty" : "bare", "", possible ? () => create.open() : null);
  show();
}

function mute(on) {
  part("mute").setAttribute("aria-pressed", String(on));
  live.mute(on);
}

function openSound(open) {
  part("sound").hidden = !open;
  part("sound-button").setAttribute("aria-expanded", String(open));
  if (open) part("microphone").focus();
}

function record() {
  if (recording.running) return recording.stop();
  recording.start(part("face").srcObject, gallery.chosen.title);
}

function showRecording(seconds) {
  const running = seconds !== null;
  part("record").setAttribute("aria-pressed", String(running));
  part("record").setAttribute("aria-label", running ? "Stop recording" : "Record");
  part("timer").hidden = !running;
  part("timer").textContent = running ? clock(seconds) : "";
}

live.addEventListener("state", ({ detail }) => {
  if (detail === "live") {
    notice.hide();
    listMicrophones(part("microphone"));
  }
  if (["idle", "reconnecting"].includes(detail)) recording.stop();
  show();
});
live.addEventListener("channel", ({ detail }) => steering.attach(detail));
live.addEventListener("stream", ({ detail }) => (part("face").srcObject = detail));
live.addEventListener("figures", ({ detail }) => stage.figures(detail));
live.addEventListener("trouble", ({ detail }) => trouble(detail));
recording.addEventListener("time", ({ detail }) => showRecording(detail));
recording.addEventListener("saved", ({ detail }) => (showRecording(null), toast(`Saved as ${detail}`)));
recording.addEventListener("failed", ({ detail }) => (showRecording(null), toast(detail)));
gallery.addEventListener("choose", ({ detail }) => choose(detail));
gallery.addEventListener("listed", ({ detail }) => listed(detail));
gallery.addEventListener("failed", ({ detail }) => trouble(detail));
manage.addEventListener("changed", ({ detail }) => gallery.load(detail));
manage.addEventListener("removed", () => gallery.load());
create.addEventListener("started", ({ detail }) => jobs.follow(detail.location, detail.title));
create.addEventListener("added", ({ detail }) => gallery.load(detail));
jobs.addEventListener("usable", ({ detail }) => made(detail, "is ready to talk. A better one is being made."));
jobs.addEventListener("made", ({ detail }) => made(detail, "is ready."));

/** A new face is chosen at once, unless somebody is talking with another one. */
async function made(name, words) {
  const other = live.running && gallery.chosen?.name !== name;
  await gallery.load(other ? gallery.chosen?.name : name);
  const title = part("gallery").querySelector(`input[value="${CSS.escape(name)}"]`)?.parentElement.textContent;
  const show = { text: "Show", act: () => gallery.load(name) };
  toast(`${title ?? name} ${words}`, other ? show : undefined);
}

part("start").addEventListener("click", () => (live.running ? live.stop() : start()));
part("mute").addEventListener("click", () => mute(part("mute").getAttribute("aria-pressed") !== "true"));
part("record").addEventListener("click", record);
part("new").addEventListener("click", () => create.open());
part("headphones").addEventListener("change", ({ target }) => (part("face").muted = !target.checked));
part("sound-button").addEventListener("click", () => openSound(part("sound").hidden));
part("picture").addEventListener("keydown", ({ key }) => {
  if (key !== "Escape" || part("sound").hidden) return;
  openSound(false);
  part("sound-button").focus();
});
part("microphone").addEventListener("change", ({ target }) => {
  live.useMicrophone(target.value).catch((error) => toast(`${error.message || "That microphone can’t be used."}`));
});
addEventListener("pagehide", () => live.running && live.stop());
navigator.mediaDevices?.addEventListener("devicechange", () => listMicrophones(part("microphone")));

show();
listMicrophones(part("microphone"));
reload();
