// Who looks at the page: the token handed over in the address, kept for this tab only.

const KEY = "doorstep.token";

function fromFragment() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("token");
  if (!token) return null;
  // The token leaves the address bar at once, so that it is neither bookmarked nor copied along.
  fragment.delete("token");
  const rest = fragment.toString();
  history.replaceState(null, "", location.pathname + location.search + (rest ? `#${rest}` : ""));
  return token;
}

export function token() {
  const given = fromFragment();
  if (given) sessionStorage.setItem(KEY, given);
  return sessionStorage.getItem(KEY);
}

export function remember(key, value) {
  try {
    localStorage.setItem(`doorstep.${key}`, value);
  } catch {
    // A browser that forbids storage still shows the page; it only forgets the choice.
  }
}

export function recall(key) {
  try {
    return localStorage.getItem(`doorstep.${key}`);
  } catch {
    return null;
  }
}

export class Problem extends Error {
  // An answer of a gateway that is not a success, as its problem document tells it (RFC 9457).
  constructor(status, document) {
    super(document.detail || document.title || `HTTP ${status}`);
    this.status = status;
    this.code = document.code || null;
    this.document = document;
  }
}

async function problemOf(response) {
  try {
    return new Problem(response.status, await response.json());
  } catch {
    return new Problem(response.status, {});
  }
}

export async function read(path) {
  const response = await fetch(path, { headers: { Authorization: `Bearer ${token()}` } });
  if (!response.ok) throw await problemOf(response);
  return response.json();
}

// `version` is what the sender has seen (`If-Match`): a change on something newer is refused.
export async function send(path, body, idempotencyKey, version = null) {
  const response = await fetch(path, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Authorization: `Bearer ${token()}`,
      "Idempotency-Key": idempotencyKey,
      ...(version !== null && { "If-Match": `"${version}"` }),
    },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw await problemOf(response);
  return response.json();
}

export function freshKey() {
  // crypto.randomUUID is missing outside secure contexts, and a phone on the local network is one.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
