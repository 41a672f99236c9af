// Short messages at the edge of the page. The last few stay until they have been read.

const MOST = 3;
const SHOWN_MS = 6000;

/** Show a message; `action` { text, act } puts a button beside it, which keeps it twice as long. */
export function toast(text, action) {
  const box = document.getElementById("toasts");
  const element = document.createElement("div");
  element.className = "toast";
  const words = document.createElement("span");
  words.textContent = text;
  element.append(words);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = action.text;
    button.addEventListener("click", () => {
      element.remove();
      action.act();
    });
    element.append(button);
  }
  box.append(element);
  while (box.children.length > MOST) box.firstElementChild.remove();
  const leave = () => element.matches(":hover, :focus-within") ? later() : element.remove();
  const later = () => setTimeout(leave, action ? 2 * SHOWN_MS : SHOWN_MS);
  later();
}
