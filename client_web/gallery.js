// The faces to choose from, as a group of radio buttons.

import { listAvatars, pictureUrl } from "./api.js";

/** Events: "choose" (detail: the avatar), "listed" (detail: { qualities }). */
export class Gallery extends EventTarget {
  #element;
  #avatars = new Map();

  constructor(element) {
    super();
    this.#element = element;
    element.addEventListener("change", ({ target }) => this.#choose(target.value));
  }

  /** The chosen avatar { name, title, preview }, or undefined when there is none. */
  get chosen() {
    const input = this.#element.querySelector("input:checked");
    return input ? this.#avatars.get(input.value) : undefined;
  }

  /** Read the list anew and choose `name`, or what was chosen, or the first. */
  async load(name = this.chosen?.name) {
    this.#element.setAttribute("aria-busy", "true");
    this.#show(Array.from({ length: 4 }, () => skeleton()));
    try {
      const { avatars, qualities } = await listAvatars();
      this.dispatchEvent(new CustomEvent("listed", { detail: { qualities } }));
      this.#avatars = new Map(avatars.map((avatar) => [avatar.name, avatar]));
      if (!avatars.length) return this.#show([note("There are no faces yet. Make one from a photo below.")]);
      this.#show(avatars.map((avatar) => card(avatar)));
      this.#choose(this.#avatars.has(name) ? name : avatars[0].name);
    } catch (error) {
      const again = document.createElement("button");
      again.type = "button";
      again.textContent = "Try again";
      again.addEventListener("click", () => this.load());
      this.#show([note(error.message), again]);
    } finally {
      this.#element.setAttribute("aria-busy", "false");
    }
  }

  #choose(name) {
    for (const input of this.#element.querySelectorAll("input")) input.checked = input.value === name;
    this.dispatchEvent(new CustomEvent("choose", { detail: this.#avatars.get(name) }));
  }

  #show(children) {
    const legend = this.#element.querySelector("legend");
    this.#element.replaceChildren(legend, ...children);
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

function note(text) {
  const element = document.createElement("p");
  element.className = "note";
  element.textContent = text;
  return element;
}
