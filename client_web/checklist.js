// How good a photo is, as a list beside it.

const ICONS = { good: "check", fair: "warn", bad: "close" };
const SUMMARIES = {
  good: ["Looks great", "Nothing speaks against this one."],
  fair: ["This will work", "Better where you can:"],
  bad: ["This one won’t work", "What to do:"],
};

/** Fill an element with a check's findings, the ones that matter first; see checkUpload() in api.js. */
export function showChecklist(element, { items }) {
  const of = (verdict) => items.filter((item) => item.verdict === verdict);
  const worst = ["bad", "fair", "good"].find((verdict) => of(verdict).length) ?? "good";
  const [title, text] = SUMMARIES[worst];
  const head = document.createElement("div");
  head.className = `verdict ${worst}`;
  head.append(icon(ICONS[worst]), words("strong", title), words("span", text));
  const list = document.createElement("ul");
  list.append(...[...of("bad"), ...of("fair"), ...of("good")].map(entry));
  element.replaceChildren(head, list);
}

const TIPS = {
  photo: ["Look straight into the camera", "Light from the front, as from a window", "Lips closed, eyes open",
    "Nothing before the face, head and shoulders in the picture"],
  clip: ["Camera at eye level, an arm’s length away", "Light from the front, as from a window",
    "Talk as you do, close the lips now and then", "Keep the head still, hands out of the picture"],
};

/** Before there is anything to look at; mode: "file", "camera" or "clip". */
export function showTips(element, mode) {
  const head = words("h3", mode === "clip" ? "For a good clip" : "For a good photo");
  const list = document.createElement("ul");
  list.className = "tips";
  list.append(...TIPS[mode === "clip" ? "clip" : "photo"].map((text) => words("li", text)));
  element.replaceChildren(head, list);
}

/** While it is looked at. */
export function showLooking(element) {
  const head = words("div", "Looking at it …");
  head.className = "verdict looking";
  element.replaceChildren(head);
}

/** When it could not be looked at: the export will say more. */
export function showUnchecked(element, message) {
  const head = document.createElement("div");
  head.className = "verdict fair";
  head.append(icon("warn"), words("strong", "Not looked at"), words("span", message));
  element.replaceChildren(head);
}

function entry({ label, verdict, says }) {
  const item = document.createElement("li");
  item.className = verdict;
  const spoken = words("span", { good: "Good: ", fair: "So-so: ", bad: "Bad: " }[verdict]);
  spoken.className = "visually-hidden";
  const name = words("strong", label);
  name.prepend(spoken);
  item.append(icon(ICONS[verdict]), name);
  if (says) item.append(words("p", says.charAt(0).toUpperCase() + says.slice(1)));
  return item;
}

function words(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}
