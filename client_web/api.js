// The server's HTTP interface. A token comes behind the page's address as #token=..., where it
// reaches no server log, and is kept for this tab only.

const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.has("token")) {
  sessionStorage.setItem("token", fragment.get("token"));
  history.replaceState(null, "", location.pathname + location.search);
}

/** What the server, or the way to it, said went wrong; `message` can be shown as it is. */
export class ApiError extends Error {
  constructor(status, message, retryAfter) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** fetch() with the token, and an ApiError for every answer that is not a good one. */
export async function request(path, options = {}) {
  const headers = new Headers(options.headers);
  const token = sessionStorage.getItem("token");
  if (token) headers.set("Authorization", `Bearer ${token}`);
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The server does not answer. Is it still running?");
  }
  if (!response.ok) throw await problem(response);
  return response;
}

async function problem(response) {
  let detail = response.statusText;
  if (response.headers.get("Content-Type")?.includes("json")) {
    detail = (await response.json()).detail ?? detail;
  }
  return new ApiError(response.status, detail, Number(response.headers.get("Retry-After")) || 0);
}

/** { avatars: [{ name, title, thumbnail, preview }], qualities: of which new ones can be made } */
export async function listAvatars() {
  const { avatars, qualities = [] } = await (await request("/avatars")).json();
  return { avatars, qualities };
}

/** A picture behind the token, as an object URL that the caller revokes. */
export async function pictureUrl(path) {
  return URL.createObjectURL(await (await request(path)).blob());
}

/** Open a session: resolves to { location, answer }. */
export async function openSession(avatar, offer) {
  const response = await request(`/sessions?avatar=${encodeURIComponent(avatar)}`, {
    method: "POST",
    headers: { "Content-Type": "application/sdp" },
    body: offer,
  });
  return { location: response.headers.get("Location"), answer: await response.text() };
}

/** What RTCPeerConnection is given to find a way through firewalls. */
export async function iceServers() {
  return (await (await request("/ice")).json()).ice_servers;
}

/** Tell the server what only a browser can measure; it does not matter whether it arrives. */
export function reportFigures(location, { skewMs }) {
  return request(`${location}/figures`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ skew_ms: skewMs }),
  }).catch(() => {});
}

export async function sessionStatus(location) {
  return (await request(location, { signal: AbortSignal.timeout(2000) })).json();
}

/** End a session, also while the page is going away. */
export function endSession(location) {
  return request(location, { method: "DELETE", keepalive: true }).catch((error) => {
    if (error.status !== 404) throw error; // gone already is what we want
  });
}

/** Upload a photo; yields the export's events { stage, percent, ... }, { usable, name } as they come. */
export async function* makeAvatar(photo, name, quality) {
  const query = new URLSearchParams({ name, quality, rights: "yes" });
  const started = await request(`/avatars?${query}`, {
    method: "POST",
    headers: { "Content-Type": photo.type || "application/octet-stream" },
    body: photo,
  });
  const events = await request(started.headers.get("Location"), {
    headers: { Accept: "text/event-stream" },
  });
  yield* serverSentEvents(events.body);
}

async function* serverSentEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").filter((line) => line.startsWith("data:"));
      if (data.length) yield JSON.parse(data.map((line) => line.slice(5)).join("\n"));
    }
  }
}
