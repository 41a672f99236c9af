// What can be done with the chosen face: rename, download, delete.

import { deleteAvatar, download, renameAvatar } from "./api.js";
import { save } from "./recording.js";
import { toast } from "./toasts.js";

/** Events: "changed" (detail: the avatar's name), "removed". */
export class Manage extends EventTarget {
  #part;
  #avatar = null;

  constructor(part) {
    super();
    this.#part = part;
    part("rename").addEventListener("click", () => this.#askTitle());
    part("remove").addEventListener("click", () => this.#askRemoval());
    part("download").addEventListener("click", () => this.#download());
    this.#answered("rename", () => this.#rename());
    this.#answered("remove", () => this.#remove());
  }

  /** The face that it is about; undefined for none. */
  show(avatar) {
    this.#avatar = avatar;
    const part = this.#part;
    part("manage").hidden = !avatar;
    if (!avatar) return;
    part("manage-title").textContent = avatar.title;
    part("manage-kind").textContent = avatar.editable ? "Made here" : "Built in";
    part("rename").hidden = part("remove").hidden = !avatar.editable;
    part("download").hidden = !avatar.bundle;
  }

  /** Do what a dialog asks for when it is confirmed; it stays open if that fails. */
  #answered(id, act) {
    const dialog = this.#part(`${id}-dialog`);
    const trouble = this.#part(`${id}-trouble`);
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
    dialog.querySelector("form").addEventListener("submit", async (event) => {
      event.preventDefault();
      const confirm = dialog.querySelector("[type=submit]");
      confirm.disabled = true;
      try {
        await act();
        dialog.close();
      } catch (error) {
        trouble.textContent = error.message;
        trouble.hidden = false;
      } finally {
        confirm.disabled = false;
      }
    });
    dialog.addEventListener("close", () => (trouble.hidden = true));
  }

  #askTitle() {
    this.#part("new-title").value = this.#avatar.title;
    this.#part("rename-dialog").showModal();
    this.#part("new-title").select();
  }

  #askRemoval() {
    this.#part("remove-title").textContent = `Delete ${this.#avatar.title}?`;
    this.#part("remove-dialog").showModal();
  }

  async #rename() {
    const { name } = this.#avatar;
    await renameAvatar(name, this.#part("new-title").value);
    this.dispatchEvent(new CustomEvent("changed", { detail: name }));
  }

  async #remove() {
    const { name, title } = this.#avatar;
    await deleteAvatar(name);
    toast(`${title} was deleted.`);
    this.dispatchEvent(new CustomEvent("removed"));
  }

  async #download() {
    const { name, bundle } = this.#avatar;
    const button = this.#part("download");
    button.disabled = true;
    try {
      save(await download(bundle), `${name}.avatar`);
    } catch (error) {
      toast(error.message);
    } finally {
      button.disabled = false;
    }
  }
}
