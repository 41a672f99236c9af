// The server's HTTP interface. A token comes behind the page's address as #token=..., where it
// reaches no server log, and is kept for this tab only.

const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.has("token")) {
  sessionStorage.setItem("token", fragment.get("token"));
  history.replaceState(null, "", location.pathname + location.search);
}

const JSON_TYPE = { "Content-Type": "application/json" };
const avatarPath = (name) => `/avatars/${encodeURIComponent(name)}`;

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

/**
 * { avatars: [{ name, title, thumbnail, still, bundle, editable }], qualities: of which new ones can
 * be made, canImport: whether bundles can be brought along }
 */
export async function listAvatars() {
  const { avatars, qualities = [], can_import: canImport = false } = await (await request("/avatars")).json();
  return { avatars, qualities, canImport };
}

export function renameAvatar(name, title) {
  return request(avatarPath(name), { method: "PATCH", headers: JSON_TYPE, body: JSON.stringify({ title }) });
}

export function deleteAvatar(name) {
  return request(avatarPath(name), { method: "DELETE" });
}

/** A finished bundle from elsewhere: resolves to its entry in the list. */
export async function importAvatar(file) {
  const headers = { "Content-Type": "application/zip" };
  return (await request("/avatars?rights=yes", { method: "POST", headers, body: file })).json();
}

/** Somebody is about to choose a photo; it does not matter whether it arrives. */
export function prepareCheck() {
  return request("/checks/prepare", { method: "POST" }).catch(() => {});
}

/** How good a photo or video is: { kind, usable, face, items: [{ aspect, label, verdict, says }] } */
export async function checkUpload(file, type, signal) {
  const options = { method: "POST", headers: { "Content-Type": type }, body: file, signal };
  return (await request("/checks", options)).json();
}

/** What lies behind the token: a picture, or a bundle to be saved. */
export async function download(path) {
  return (await request(path)).blob();
}

/** A picture behind the token, as an object URL that the caller revokes. */
export async function pictureUrl(path) {
  return URL.createObjectURL(await download(path));
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

/** Another face for a session, from the next picture on. */
export function changeAvatar(location, avatar) {
  return request(location, { method: "PATCH", headers: JSON_TYPE, body: JSON.stringify({ avatar }) });
}

/** Tell the server what only a browser can measure; it does not matter whether it arrives. */
export function reportFigures(location, { skewMs }) {
  return request(`${location}/figures`, {
    method: "POST",
    headers: JSON_TYPE,
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

/** Begin to make an avatar of a photo or video: resolves to { name, location } of its export. */
export async function makeAvatar(file, type, title, quality) {
  const query = new URLSearchParams({ name: title, quality, rights: "yes" });
  const options = { method: "POST", headers: { "Content-Type": type }, body: file };
  const started = await request(`/avatars?${query}`, options);
  return { name: (await started.json()).name, location: started.headers.get("Location") };
}

/** Exports of this server: [{ id, name, title, quality, usable, over }], oldest first. */
export async function listExports() {
  return (await (await request("/exports")).json()).exports;
}

export function cancelExport(location) {
  return request(location, { method: "DELETE" });
}

/** All events of an export, those of the past first: { stage, percent, ... }, { usable, name } ... */
export async function* followExport(location) {
  const events = await request(location, { headers: { Accept: "text/event-stream" } });
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
