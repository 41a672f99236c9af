// What can be in the way of talking, each with its words, its picture and the way out.

/** kind -> { icon, title, text?, action? }; without a text, the error's own words are shown. */
const NOTICES = {
  empty: { icon: "people", title: "No faces yet", text: "Make the first one from a photo.", action: "Make a face" },
  bare: { icon: "people", title: "No faces yet", text: "This server has none, and can’t make any." },
  gone: {
    icon: "cloud",
    title: "The server does not answer",
    text: "Is it still running? This page goes on looking for it.",
    action: "Try again",
  },
  lost: { icon: "cloud", title: "The connection was lost", action: "Reconnect" },
  unreached: {
    icon: "cloud",
    title: "No way through the network",
    text: "Voice and picture go by UDP, which a firewall stops between this browser and the server.",
    action: "Try again",
  },
  full: {
    icon: "people",
    title: "No free place right now",
    text: "All places on this server are taken. Try again when somebody has stopped.",
    action: "Try again",
  },
  hurry: { icon: "warn", title: "One moment", action: "Try again" },
  token: {
    icon: "lock",
    title: "This page needs its token",
    text: "Open the whole address that you were given, with #token=… at its end.",
  },
  insecure: {
    icon: "lock",
    title: "The microphone needs https",
    text: "Browsers give it to secure pages only: open this one by https, or as localhost on the machine itself.",
  },
  denied: {
    icon: "mic",
    title: "The microphone is blocked",
    text: "Allow it for this page in the browser’s address bar, then try again.",
    action: "Try again",
  },
  missing: {
    icon: "mic",
    title: "No microphone was found",
    text: "Plug one in, or turn on the one that is there.",
    action: "Try again",
  },
  busy: {
    icon: "mic",
    title: "The microphone is busy",
    text: "Another program has it. Close that one and try again.",
    action: "Try again",
  },
  gone_microphone: { icon: "mic", title: "That microphone is gone", text: "Choose another one.", action: "Choose" },
  failed: { icon: "warn", title: "That did not work", action: "Try again" },
};

/** Which notice an error calls for. */
export function kindOf(error) {
  if (error.kind) return error.kind === "gone" ? "gone_microphone" : error.kind;
  const byStatus = { 0: "gone", 401: "token", 429: "hurry", 503: "full" };
  return byStatus[error.status] ?? (error.lost ? "lost" : "failed");
}

/** The card on the stage that shows one of them at a time. */
export class Notice {
  #part;
  #act = null;

  constructor(part) {
    this.#part = part;
    part("notice-action").addEventListener("click", () => this.#act?.());
  }

  /** Show a notice; `act` is what its button does. */
  show(kind, text, act) {
    const { icon, title, text: own, action } = NOTICES[kind];
    this.kind = kind;
    this.#act = act;
    this.#part("notice").dataset.kind = kind;
    this.#part("notice-icon").setAttribute("href", `#i-${icon}`);
    this.#part("notice").hidden = false;
    this.#part("notice-title").textContent = title;
    this.#part("notice-text").textContent = own ?? text ?? "";
    this.#part("notice-action").textContent = action ?? "";
    this.#part("notice-action").hidden = !action || !act;
  }

  hide() {
    this.kind = null;
    this.#part("notice").hidden = true;
    for (const id of ["notice-title", "notice-text"]) this.#part(id).textContent = "";
  }
}
