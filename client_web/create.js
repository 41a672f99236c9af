// A new avatar from a photo: drop or choose, confirm the right to it, watch it being made.

import { makeAvatar } from "./api.js";

const MOST_BYTES = 20 * 1024 * 1024;

/** Events "made" and, when a better one has replaced it, "bettered" (detail: the avatar's name). */
export class Create extends EventTarget {
  #form;
  #photo = null;
  #busy = false;

  constructor(form) {
    super();
    this.#form = form;
    const drop = this.#part("drop");
    for (const kind of ["dragover", "dragleave", "drop"]) {
      drop.addEventListener(kind, (event) => {
        event.preventDefault();
        drop.classList.toggle("over", kind === "dragover");
      });
    }
    drop.addEventListener("drop", ({ dataTransfer }) => this.#take(dataTransfer.files[0]));
    this.#part("photo").addEventListener("change", ({ target }) => this.#take(target.files[0]));
    form.addEventListener("input", () => this.#refresh());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#make();
    });
  }

  /** Of which qualities the server can make avatars; if of none, say what it lacks instead of asking
   * for a photo. */
  allow(qualities) {
    const possible = qualities.length > 0;
    this.#form.classList.toggle("unable", !possible);
    this.#part("unable").hidden = possible;
    for (const option of this.#part("quality").options) option.disabled = !qualities.includes(option.value);
  }

  #part(id) {
    return this.#form.querySelector(`#${id}`);
  }

  #take(file) {
    this.#trouble("");
    if (!file) return;
    if (!file.type.startsWith("image/")) return this.#trouble("That is not a photo. Choose a JPEG, PNG or WebP file.");
    if (file.size > MOST_BYTES) return this.#trouble("That photo is larger than 20 MB. Choose a smaller one.");
    this.#photo = file;
    const image = this.#part("photo-preview");
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(file);
    image.hidden = false;
    this.#part("drop-text").hidden = true;
    this.#part("drop").classList.add("filled");
    const name = this.#part("avatar-name");
    if (!name.value) name.value = file.name.replace(/\.[^.]*$/, "").slice(0, 40);
    this.#refresh();
  }

  #refresh() {
    const ready = this.#photo && this.#part("avatar-name").value.trim() && this.#part("rights").checked;
    this.#part("make").disabled = this.#busy || !ready;
  }

  async #make() {
    if (this.#part("make").disabled) return;
    this.#busy = true;
    this.#refresh();
    this.#trouble("");
    this.#progress(0, "Uploading the photo");
    this.#part("create-notes").replaceChildren();
    let usable = false;
    let kind = "made";
    try {
      const name = this.#part("avatar-name").value.trim();
      for await (const event of makeAvatar(this.#photo, name, this.#part("quality").value)) {
        if (event.error) throw new Error(event.error);
        if (event.done) {
          this.#progress(100, usable ? "Ready. Your next start shows the better one." : "Ready");
          this.dispatchEvent(new CustomEvent("made", { detail: event.name }));
        } else if (event.note) {
          this.#note(event.note);
        } else if (event.usable) {
          usable = true;
          this.dispatchEvent(new CustomEvent("made", { detail: event.name }));
        } else {
          const left = event.seconds_left ? `, about ${Math.ceil(event.seconds_left)} s left` : "";
          this.#progress(event.percent, (usable ? "You can start. Making it better: " : "") + event.stage + left);
        }
      }
    } catch (error) {
      this.#part("progress").hidden = true;
      this.#trouble(error.message);
    } finally {
      this.#busy = false;
      this.#refresh();
    }
  }

  #progress(percent, text) {
    this.#part("progress").hidden = false;
    this.#part("progress-bar").value = percent;
    this.#part("progress-text").textContent = text;
  }

  #note(text) {
    const item = document.createElement("li");
    item.textContent = text;
    this.#part("create-notes").append(item);
  }

  #trouble(text) {
    const element = this.#part("create-trouble");
    element.textContent = text;
    element.hidden = !text;
  }
}
