// The faces to choose from, as a group of radio buttons.

import { listAvatars, pictureUrl } from "./api.js";

const KEPT = "face"; // in this browser: the one that was chosen last

/**
 * Events: "choose" (detail: the avatar), "listed" (detail: { avatars, qualities, canImport }), "failed"
 * (detail: the ApiError).
 */
export class Gallery extends EventTarget {
  #element;
  #avatars = new Map();

  constructor(element) {
    super();
    this.#element = element;
    element.addEventListener("change", ({ target }) => this.#choose(target.value));
  }

  /** The chosen avatar { name, title, still, bundle, editable }, or undefined when there is none. */
  get chosen() {
    const input = this.#element.querySelector("input:checked");
    return input ? this.#avatars.get(input.value) : undefined;
  }

  /** Read the list anew and choose `name`, or what was chosen, or the first. */
  async load(name = this.chosen?.name ?? localStorage.getItem(KEPT)) {
    this.#element.setAttribute("aria-busy", "true");
    if (!this.#avatars.size) this.#show(Array.from({ length: 6 }, skeleton));
    try {
      const listed = await listAvatars();
      this.#avatars = new Map(listed.avatars.map((avatar) => [avatar.name, avatar]));
      this.#show(listed.avatars.map(card));
      this.dispatchEvent(new CustomEvent("listed", { detail: listed }));
      if (this.#avatars.size) this.#choose(this.#avatars.has(name) ? name : listed.avatars[0].name);
    } catch (error) {
      if (!this.#avatars.size) this.#show([]);
      this.dispatchEvent(new CustomEvent("failed", { detail: error }));
    } finally {
      this.#element.setAttribute("aria-busy", "false");
    }
  }

  #choose(name) {
    for (const input of this.#element.querySelectorAll("input")) input.checked = input.value === name;
    localStorage.setItem(KEPT, name);
    const card = this.#element.querySelector("input:checked").parentElement;
    const row = this.#element; // on a phone the cards lie in one, which is scrolled to the chosen one
    row.scrollLeft = card.offsetLeft - row.offsetLeft - (row.clientWidth - card.clientWidth) / 2;
    this.dispatchEvent(new CustomEvent("choose", { detail: this.#avatars.get(name) }));
  }

  /** Cards in the place of what was there; focus stays on the card that had it. */
  #show(children) {
    const focused = this.#element.contains(document.activeElement) ? document.activeElement.value : null;
    this.#element.replaceChildren(this.#element.querySelector("legend"), ...children);
    if (focused) this.#element.querySelector(`input[value="${CSS.escape(focused)}"]`)?.focus();
  }
}

function card(avatar) {
  const label = document.createElement("label");
  label.className = "card";
  const input = document.createElement("input");
  Object.assign(input, { type: "radio", name: "avatar", value: avatar.name });
  const image = document.createElement("img");
  image.alt = "";
  pictureUrl(avatar.thumbnail).then((url) => {
    image.addEventListener("load", () => URL.revokeObjectURL(url), { once: true });
    image.src = url;
  }, () => label.classList.add("without-picture"));
  const title = document.createElement("span");
  title.textContent = avatar.title;
  label.append(input, image, title);
  return label;
}

function skeleton() {
  const element = document.createElement("div");
  element.className = "card skeleton";
  return element;
}
