// Avatars that are being made: followed to their end, also after the page was loaded anew.

import { cancelExport, followExport, listExports } from "./api.js";

/**
 * Shows a card for each job. Events: "usable" and "made" (detail: the avatar's name), "failed"
 * (detail: { title, text }).
 */
export class Jobs extends EventTarget {
  #element;
  #followed = new Set();

  constructor(element) {
    super();
    this.#element = element;
  }

  /** Follow what is under way on the server, whoever began it. */
  async load() {
    const jobs = await listExports().catch(() => []); // the gallery says that the server is gone
    for (const { id, title, over } of jobs) {
      if (!over) this.follow(`/exports/${id}`, title);
    }
  }

  /** Show a job until it is over. */
  async follow(location, title) {
    if (this.#followed.has(location)) return;
    this.#followed.add(location);
    const card = new Card(title, () => cancelExport(location));
    this.#element.append(card.element);
    try {
      for await (const event of followExport(location)) {
        if (event.error) throw new Error(event.error);
        if (event.cancelled) return card.leave();
        if (event.note || event.measured) card.note(event.note ?? event.measured);
        else if (event.usable) {
          card.usable();
          this.#tell("usable", event.name);
        } else if (event.done) {
          this.#tell("made", event.name);
          return card.done();
        } else card.progress(event);
      }
      throw new Error("The server stopped before it was done.");
    } catch (error) {
      card.failed(error.message);
      this.#tell("failed", { title, text: error.message });
    } finally {
      this.#followed.delete(location);
    }
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

class Card {
  element = make("article", "job");
  #title = make("strong");
  #text = make("p", "job-text");
  #bar = make("progress");
  #notes = make("ul", "job-notes");
  #close = make("button", "quiet");
  #usable = false;
  #cancel;

  constructor(title, cancel) {
    this.#cancel = cancel;
    this.#title.textContent = title;
    this.#text.setAttribute("role", "status");
    this.#text.textContent = "Getting ready";
    Object.assign(this.#bar, { max: 100, value: 0 });
    this.#bar.setAttribute("aria-label", `Progress of ${title}`);
    this.#close.type = "button";
    this.#close.textContent = "Cancel";
    this.#close.addEventListener("click", () => this.#end());
    this.element.append(this.#title, this.#close, this.#bar, this.#text, this.#notes);
  }

  progress({ stage, percent, seconds_left: left }) {
    this.#bar.value = percent;
    const time = left ? `, ${left < 90 ? `${Math.ceil(left)} s` : `${Math.round(left / 60)} min`} left` : "";
    this.#text.textContent = this.#usable ? `Ready to talk. Making it better${time}` : `${capital(stage)}${time}`;
  }

  usable() {
    this.#usable = true;
    this.element.classList.add("usable");
    this.#text.textContent = "Ready to talk. Making it better";
  }

  note(text) {
    const item = make("li");
    item.textContent = capital(text);
    this.#notes.append(item);
  }

  done() {
    this.#bar.value = 100;
    this.element.classList.add("over");
    this.#text.textContent = "Ready";
    this.#close.textContent = "Close";
    this.#cancel = null;
    if (!this.#notes.children.length) this.leave();
  }

  failed(text) {
    this.element.classList.add("over", "failed");
    this.#text.textContent = capital(text);
    this.#bar.hidden = true;
    this.#close.textContent = "Close";
    this.#cancel = null;
  }

  leave() {
    this.element.remove();
  }

  #end() {
    if (!this.#cancel) return this.leave();
    this.#close.disabled = true;
    this.#text.textContent = "Stopping";
    this.#cancel().catch(() => (this.#close.disabled = false));
  }
}

function make(tag, className = "") {
  const element = document.createElement(tag);
  element.className = className;
  return element;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
