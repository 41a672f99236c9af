// A new face: out of a file, the camera or a clip; looked at before anything is made of it.

import { checkUpload, importAvatar, makeAvatar, prepareCheck } from "./api.js";
import { showChecklist, showLooking, showTips, showUnchecked } from "./checklist.js";
import { Shoot } from "./shoot.js";

const MIB = 1024 * 1024;
const MOST_BYTES = { image: 20 * MIB, video: 200 * MIB, bundle: 64 * MIB };
// Of files whose type the browser does not know.
const BY_NAME = {
  heic: "image/heic", heif: "image/heif", mov: "video/quicktime", mkv: "video/x-matroska",
  mp4: "video/mp4", webm: "video/webm", avatar: "application/zip",
};
const NO_NAMES = /^(camera|clip|image|img[-_ ]?\d*|photo|video|untitled)$/i;

/** Events: "started" (detail: { location, title }), "added" (detail: the name of a bundle's avatar). */
export class Create extends EventTarget {
  #part;
  #shoot;
  #able = { qualities: [], canImport: false };
  #chosen = null; // { file, type, kind }
  #checking = null;
  #suggested = "";
  #busy = false;

  constructor(part) {
    super();
    this.#part = part;
    this.#shoot = new Shoot(part);
    this.#shoot.addEventListener("taken", ({ detail }) => this.#take(detail));
    this.#shoot.addEventListener("trouble", ({ detail }) => this.#frameNotice(detail));
    part("create-close").addEventListener("click", () => part("create").close());
    part("create").addEventListener("close", () => this.#closed());
    part("photo").addEventListener("change", ({ target }) => this.#take(target.files[0]));
    part("retake").addEventListener("click", () => this.#source(this.#mode));
    part("sources").addEventListener("change", () => this.#source(this.#mode));
    part("create-form").addEventListener("input", () => this.#refresh());
    part("create-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#make();
    });
    for (const kind of ["dragover", "dragleave", "drop"]) addEventListener(kind, (event) => this.#drag(event));
    addEventListener("paste", ({ clipboardData }) => this.#dropped(clipboardData?.files[0]));
  }

  /** What the server can do; see listAvatars() in api.js. */
  allow({ qualities, canImport }) {
    this.#able = { qualities, canImport };
    const able = qualities.length > 0;
    this.#part("new").hidden = !able && !canImport;
    this.#part("unable").hidden = able;
    this.#part("create").classList.toggle("only-bundles", !able);
    for (const input of this.#part("qualities").querySelectorAll("input")) {
      input.disabled = !qualities.includes(input.value);
      input.checked = input.value === qualities.at(-1);
    }
  }

  open() {
    if (this.#part("create").open) return;
    this.#part("create").showModal();
    if (this.#able.qualities.length) prepareCheck();
    this.#part("sources").querySelector("[value=file]").checked = true;
    this.#source("file");
  }

  get #mode() {
    return this.#part("sources").querySelector("input:checked").value;
  }

  #closed() {
    this.#forget();
    this.#shoot.close();
    this.#part("avatar-name").value = "";
    this.#part("rights").checked = false;
  }

  /** Begin anew with a source: "file", "camera" or "clip". */
  #source(mode) {
    this.#forget();
    this.#frameNotice("");
    showTips(this.#part("check"), mode);
    this.#part("drop").hidden = mode !== "file";
    if (mode === "file") this.#shoot.close();
    else this.#shoot.open(mode);
    this.#refresh();
  }

  #forget() {
    this.#chosen = null;
    this.#checking?.abort();
    this.#checking = null;
    for (const id of ["taken-photo", "taken-video"]) {
      const element = this.#part(id);
      if (element.src) URL.revokeObjectURL(element.src);
      element.removeAttribute("src");
      element.hidden = true;
    }
    for (const id of ["taken-file", "found", "retake"]) this.#part(id).hidden = true;
    this.#part("check").replaceChildren();
    this.#part("photo").value = "";
    this.#trouble("");
  }

  #drag(event) {
    if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
    event.preventDefault();
    this.#part("drop").classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") this.#dropped(event.dataTransfer.files[0]);
  }

  /** A file that came from outside the dialog, perhaps before it was opened. */
  #dropped(file) {
    if (!file || this.#part("new").hidden || this.#busy) return;
    this.open();
    this.#part("sources").querySelector("[value=file]").checked = true;
    this.#source("file");
    this.#take(file);
  }

  #take(file) {
    if (!file) return;
    this.#forget();
    const [name, ending] = /^(.*?)(?:\.([^.]*))?$/.exec(file.name).slice(1);
    const type = file.type.split(";")[0] || BY_NAME[ending?.toLowerCase()] || "";
    const kind = type === "application/zip" || ending === "avatar" ? "bundle" : type.split("/")[0];
    const refusal = this.#refusal(kind, file.size);
    if (refusal) return this.#trouble(refusal);
    this.#chosen = { file, type, kind };
    this.#show(file, kind);
    this.#suggest(NO_NAMES.test(name) ? "" : titleOf(name));
    if (kind !== "bundle") this.#check(file, type);
    this.#refresh();
  }

  /** A name from the file's, unless somebody has typed another one. */
  #suggest(title) {
    const input = this.#part("avatar-name");
    if (input.value && input.value !== this.#suggested) return;
    input.value = this.#suggested = title;
  }

  #refusal(kind, bytes) {
    if (!(kind in MOST_BYTES)) return "That is not a photo, video or avatar. Choose a JPEG, PNG, WebP, MP4 or .avatar file.";
    if (kind === "bundle" && !this.#able.canImport) return "This server takes no finished avatars.";
    if (kind !== "bundle" && !this.#able.qualities.length) return "This server can’t make avatars, only take finished ones.";
    const most = MOST_BYTES[kind];
    return bytes > most ? `That file is larger than ${most / MIB} MB. Choose a smaller one.` : "";
  }

  #show(file, kind) {
    this.#part("drop").hidden = true;
    this.#part("retake").hidden = false;
    const again = { file: "Choose another", camera: "Take another", clip: "Film again" }[this.#mode];
    this.#part("retake").lastElementChild.textContent = again;
    const asFile = () => {
      for (const id of ["taken-photo", "taken-video"]) this.#part(id).hidden = true;
      this.#part("taken-name").textContent = file.name;
      this.#part("taken-file").hidden = false;
    };
    if (kind === "bundle") return asFile();
    const element = this.#part(kind === "image" ? "taken-photo" : "taken-video");
    element.src = URL.createObjectURL(file);
    element.hidden = false;
    element.onerror = () => this.#chosen?.file === file && asFile(); // one that this browser can't show
  }

  async #check(file, type) {
    const controller = (this.#checking = new AbortController());
    const list = this.#part("check");
    showLooking(list);
    try {
      const found = await checkUpload(file, type, controller.signal);
      if (this.#chosen?.file !== file) return;
      this.#chosen.usable = found.usable;
      showChecklist(list, found);
      this.#frameFace(found.face);
    } catch (error) {
      if (this.#chosen?.file !== file || error.name === "AbortError") return;
      if (error.status === 422) showChecklist(list, { items: [unreadable(error.message)] });
      else showUnchecked(list, error.message);
      this.#chosen.usable = error.status !== 422;
    }
    this.#refresh();
  }

  /** A frame around the face in the picture, which is fitted into a square. */
  #frameFace(face) {
    if (!face) return;
    const { naturalWidth, naturalHeight, videoWidth, videoHeight } = this.#part(
      this.#chosen.kind === "image" ? "taken-photo" : "taken-video",
    );
    const [width, height] = [naturalWidth || videoWidth, naturalHeight || videoHeight];
    if (!width || !height) return;
    const share = [width / Math.max(width, height), height / Math.max(width, height)];
    const place = (k, value) => `${(100 * ((1 - share[k]) / 2 + value * share[k])).toFixed(2)}%`;
    const found = this.#part("found");
    Object.assign(found.style, {
      left: place(0, face[0]), top: place(1, face[1]),
      width: `${(100 * share[0] * (face[2] - face[0])).toFixed(2)}%`,
      height: `${(100 * share[1] * (face[3] - face[1])).toFixed(2)}%`,
    });
    found.hidden = false;
  }

  #refresh() {
    const part = this.#part;
    const bundle = this.#chosen?.kind === "bundle";
    part("name-field").hidden = part("qualities").hidden = bundle;
    part("make").textContent = this.#busy ? "Uploading …" : bundle ? "Add avatar" : "Make avatar";
    const named = bundle || part("avatar-name").value.trim();
    const ready = this.#chosen && this.#chosen.usable !== false && named && part("rights").checked;
    part("make").disabled = this.#busy || !ready;
  }

  async #make() {
    if (this.#part("make").disabled) return;
    const { file, type, kind } = this.#chosen;
    this.#busy = true;
    this.#refresh();
    this.#trouble("");
    try {
      if (kind === "bundle") {
        this.#tell("added", (await importAvatar(file)).name);
      } else {
        const title = this.#part("avatar-name").value.trim();
        const quality = this.#part("qualities").querySelector("input:checked").value;
        const { location } = await makeAvatar(file, type, title, quality);
        this.#tell("started", { location, title });
      }
      this.#part("create").close();
    } catch (error) {
      this.#trouble(error.message);
    } finally {
      this.#busy = false;
      this.#refresh();
    }
  }

  #frameNotice(text) {
    this.#part("frame-notice").textContent = text;
    this.#part("frame-notice").hidden = !text;
  }

  #trouble(text) {
    this.#part("create-trouble").textContent = text;
    this.#part("create-trouble").hidden = !text;
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** "grace-hopper" -> "Grace hopper" */
function titleOf(name) {
  const words = name.replace(/[-_]+/g, " ").trim().slice(0, 40);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function unreadable(says) {
  return { aspect: "file", label: "A file that can be read", verdict: "bad", says };
}
