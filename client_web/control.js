// The panel that steers the face: presets, sliders, where it looks, and keys for all of it.

import { NEUTRAL } from "./steering.js";

const SLIDERS = [
  { name: "smile", label: "Smile", low: "frown", high: "smile", least: -1 },
  { name: "brow", label: "Brows", low: "down", high: "up", least: -1 },
  { name: "eyes", label: "Eyes", low: "narrow", high: "wide", least: -1 },
  { name: "expression", label: "Mouth", low: "still", high: "strong", least: 0 },
  { name: "head", label: "Head sway", low: "still", high: "strong", least: 0 },
  { name: "liveliness", label: "Blinks and glances", low: "none", high: "many", least: 0 },
];
const POSE = [
  { index: 1, label: "Turn", low: "left", high: "right" },
  { index: 0, label: "Nod", low: "up", high: "down" },
  { index: 2, label: "Tilt", low: "left", high: "right" },
];
const PRESETS = [
  { label: "Natural", values: {} },
  { label: "Calm", values: { expression: 0.8, head: 0.5, liveliness: 0.6, brow: -0.05, smile: 0.1 } },
  { label: "Lively", values: { expression: 1.3, head: 1.6, liveliness: 1.5, brow: 0.25, eyes: 0.2, smile: 0.15 } },
  { label: "Smiling", values: { smile: 0.65, brow: 0.1, liveliness: 1.1 } },
  { label: "Serious", values: { smile: -0.35, brow: -0.45, eyes: -0.2, head: 0.7 } },
];
const KEYS = [
  { keys: ["1", "5"], between: "–", text: "presets" },
  { keys: ["S", "⇧S"], text: "smile more, less" },
  { keys: ["W", "⇧W"], text: "brows up, down" },
  { keys: ["←", "→", "↑", "↓"], text: "look there" },
  { keys: ["G"], text: "look freely" },
  { keys: ["B"], text: "blink" },
  { keys: ["0"], text: "reset" },
];
const STEP = 0.1;
const LOOK_STEP = 0.25;
const STORED = "control-keys";

/** An element with attributes and children; what begins with "on" listens. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

const within = (value, least, most) => Math.min(Math.max(value, least), most);
const rounded = (value) => Math.round(value * 100) / 100;

export class ControlPanel {
  #steering;
  #inputs = new Map(); // key -> { input, show }
  #pad;
  #point;
  #free;
  #presets = [];
  #status;
  #keysOn;

  /** Fills ``section`` with the panel for ``steering``. */
  constructor(section, steering) {
    this.#steering = steering;
    const keys = element("input", { type: "checkbox", role: "switch", onchange: () => this.#useKeys(keys.checked) });
    this.#keysOn = keys;
    keys.checked = localStorage.getItem(STORED) !== "off";
    this.#status = element("p", { class: "visually-hidden", role: "status" });
    section.append(
      element("details", { class: "control-panel", open: matchMedia("(min-width: 861px)").matches },
        element("summary", {}, element("h2", {}, "Expression")),
        this.#presetRow(),
        element("div", { class: "control-sliders" }, ...SLIDERS.map((slider) => this.#slider(slider))),
        this.#gaze(),
        this.#deeds(),
        element("details", { class: "control-more" },
          element("summary", {}, "Head pose"),
          element("div", { class: "control-sliders" }, ...POSE.map((slider) => this.#poseSlider(slider)))),
        element("details", { class: "control-more control-keys" },
          element("summary", {}, "Keys"),
          element("label", { class: "control-check" }, keys, " Use these keys anywhere on the page"),
          element("ul", {}, ...KEYS.map(legend))),
        this.#status));
    steering.addEventListener("values", () => this.#show());
    steering.addEventListener("refused", ({ detail }) => (this.#status.textContent = detail));
    document.addEventListener("keydown", (event) => this.#key(event));
    this.#show();
  }

  #presetRow() {
    this.#presets = PRESETS.map(({ label, values }) =>
      element("button", { type: "button", "aria-pressed": "false", onclick: () => this.#preset(values) }, label));
    return element("div", { class: "control-presets", role: "group", "aria-label": "Presets" }, ...this.#presets);
  }

  #preset(values) {
    this.#steering.reset();
    this.#steering.set(values);
  }

  #slider({ name, label, low, high, least }) {
    const most = least + 2;
    return this.#row(name, label, low, high, least, most, NEUTRAL[name],
      () => this.#steering.values[name], (value) => this.#steering.set({ [name]: value }));
  }

  #poseSlider({ index, label, low, high }) {
    return this.#row(`pose${index}`, label, low, high, -1, 1, 0,
      () => this.#steering.values.pose[index],
      (value) => this.#steering.set({ pose: this.#steering.values.pose.with(index, value) }));
  }

  /** A labelled slider that a double click puts back. */
  #row(key, label, low, high, least, most, neutral, read, write) {
    const input = element("input", {
      type: "range", id: `control-${key}`, min: least, max: most, step: 0.05,
      oninput: () => write(Number(input.value)), ondblclick: () => write(neutral),
    });
    const output = element("output", { for: input.id });
    const show = () => {
      const value = read();
      if (Number(input.value) !== value) input.value = value;
      const percent = Math.round(100 * value);
      output.textContent = least < 0 && percent > 0 ? `+${percent}` : `${percent}`;
      const side = value < neutral ? low : high;
      input.setAttribute("aria-valuetext", value === neutral ? "neutral" : `${Math.abs(percent)} %, ${side}`);
      input.style.setProperty("--at", `${(100 * (value - least)) / (most - least)}%`);
      input.style.setProperty("--neutral", `${(100 * (neutral - least)) / (most - least)}%`);
      input.classList.toggle("moved", value !== neutral);
    };
    this.#inputs.set(key, show);
    return element("div", { class: "control-row" }, element("label", { for: input.id }, label), output, input);
  }

  #gaze() {
    this.#point = element("span", { class: "control-point", "aria-hidden": "true" });
    const look = (event) => {
      const box = this.#pad.getBoundingClientRect();
      const x = (2 * (event.clientX - box.left)) / box.width - 1;
      const y = 1 - (2 * (event.clientY - box.top)) / box.height;
      this.#steering.set({ gaze: [rounded(within(x, -1, 1)), rounded(within(y, -1, 1))] });
    };
    this.#pad = element("div", {
      class: "control-pad", role: "slider", tabindex: "0", "aria-label": "Gaze: arrow keys look, Home looks ahead",
      "aria-valuemin": -1, "aria-valuemax": 1,
      onpointerdown: (event) => (this.#pad.setPointerCapture(event.pointerId), look(event)),
      onpointermove: (event) => this.#pad.hasPointerCapture(event.pointerId) && look(event),
      onkeydown: (event) => {
        if (event.key === "Home") this.#steering.set({ gaze: [0, 0] });
        else if (!this.#lookTo(event.key)) return;
        event.preventDefault();
        event.stopPropagation();
      },
    }, this.#point);
    this.#free = element("button", { type: "button", onclick: () => this.#steering.set({ gaze: null }) }, "Look freely");
    return element("div", { class: "control-gaze" }, this.#pad,
      element("div", {}, element("h3", {}, "Gaze"), element("p", {}, "Drag to where the eyes should look."), this.#free));
  }

  #deeds() {
    return element("div", { class: "control-deeds" },
      element("button", { type: "button", onclick: () => this.#steering.blink() }, "Blink"),
      element("button", { type: "button", onclick: () => this.#steering.reset() }, "Reset"));
  }

  #lookTo(key) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const way = ways[key];
    if (!way) return false;
    const from = this.#steering.values.gaze ?? [0, 0];
    this.#steering.set({ gaze: from.map((value, k) => rounded(within(value + LOOK_STEP * way[k], -1, 1))) });
    return true;
  }

  #key(event) {
    if (!this.#keysOn.checked || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input, select, textarea, dialog, [contenteditable], [role=slider]")) return;
    if (document.querySelector("dialog[open]")) return;
    const { key } = event;
    const more = event.shiftKey ? -STEP : STEP;
    if (/^[1-5]$/.test(key)) this.#preset(PRESETS[Number(key) - 1].values);
    else if (key === "0") this.#steering.reset();
    else if (key.toLowerCase() === "s") this.#nudge("smile", more);
    else if (key.toLowerCase() === "w") this.#nudge("brow", more);
    else if (key.toLowerCase() === "b") this.#steering.blink();
    else if (key.toLowerCase() === "g") this.#steering.set({ gaze: null });
    else if (!this.#lookTo(key)) return;
    event.preventDefault();
  }

  #nudge(name, by) {
    this.#steering.set({ [name]: rounded(within(this.#steering.values[name] + by, -1, 1)) });
  }

  #useKeys(on) {
    localStorage.setItem(STORED, on ? "on" : "off");
  }

  #show() {
    for (const show of this.#inputs.values()) show();
    const { gaze } = this.#steering.values;
    const [x, y] = gaze ?? [0, 0];
    this.#pad.classList.toggle("free", !gaze);
    this.#free.disabled = !gaze;
    this.#point.style.setProperty("--x", x);
    this.#point.style.setProperty("--y", y);
    this.#pad.setAttribute("aria-valuenow", x);
    const percent = (value, low, high) => `${Math.round(100 * Math.abs(value))} % ${value < 0 ? low : high}`;
    const words = `${percent(x, "left", "right")}, ${percent(y, "down", "up")}`;
    this.#pad.setAttribute("aria-valuetext", gaze ? words : "free");
    PRESETS.forEach(({ values }, k) => this.#presets[k].setAttribute("aria-pressed", String(this.#is(values))));
  }

  /** Whether what is asked of the face is exactly this preset. */
  #is(values) {
    const now = this.#steering.values;
    const wanted = { ...this.#steering.initial, ...values };
    return Object.keys(NEUTRAL).every((name) => JSON.stringify(now[name]) === JSON.stringify(wanted[name]));
  }
}

function legend({ keys, between = " ", text }) {
  const shown = keys.flatMap((key, k) => [k ? between : "", element("kbd", {}, key)]);
  return element("li", {}, element("span", {}, ...shown), element("span", {}, text));
}
