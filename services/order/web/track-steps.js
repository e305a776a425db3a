// What the steps of an order mean to its customer: pure, so that the page only draws.

const WAY = ["placed", "accepted", "ready", "picked_up", "delivered"];
const REACHED = {
  pending_acceptance: 0,
  accepted: 1,
  preparing: 1,
  ready: 2,
  delivering: 3,
  delivered: 4,
  completed: 4,
  archived: 4,
};
const DETOURS = new Set(["failed", "redispatched", "returned", "rejected", "cancelled"]);
const OVER = new Set(["cancelled", "rejected"]);

function lastAt(steps, name) {
  return steps.findLast((step) => step.name === name)?.at ?? null;
}

// The steps to show, in order: done ones with their time, the present one, and those to come. What went wrong stands
// where it happened; an order that is over has nothing more to come.
export function progress(order) {
  const done = order.steps.filter((step) => WAY.includes(step.name) || DETOURS.has(step.name));
  const again = order.steps.findLastIndex((step) => step.name === "redispatched");
  const now = order.steps.slice(again + 1).map((step) => step.name);
  const rows = done.map((step) => ({ name: step.name, at: step.at, kind: DETOURS.has(step.name) ? "detour" : "done" }));
  if (OVER.has(order.state)) return rows;
  // Before a new try the goods are where they were: accepted and ready still hold, the road does not.
  const held = again < 0 ? [] : WAY.slice(0, 3).filter((name) => lastAt(order.steps, name));
  const coming = WAY.filter((name) => !now.includes(name) && !held.includes(name)).map((name) => ({
    name,
    at: null,
    kind: "coming",
  }));
  const next = coming.find((row) => WAY.indexOf(row.name) > (REACHED[order.state] ?? WAY.length));
  if (next) next.kind = "next";
  return [...rows, ...coming];
}

export function isOver(order) {
  return ["delivered", "completed", "archived", "cancelled", "rejected"].includes(order.state);
}

export function deliveredAt(order) {
  return lastAt(order.steps, "delivered");
}

// Minutes until (positive) or past (negative) the promise.
export function minutesToPromise(order, now) {
  return (Date.parse(order.promised_at) - now) / 60_000;
}

// When to expect it, as a range; only its end once the middle is past, and nothing once that is.
export function expectedRange(order, now) {
  if (!order.expected || isOver(order)) return null;
  const { p50, p90 } = order.expected;
  if (Date.parse(p90) <= now) return null;
  return { from: Date.parse(p50) > now ? p50 : null, until: p90 };
}

// How far along the way, 0 to 1, for the bar on top.
export function share(order) {
  return (REACHED[order.state] ?? 0) / (WAY.length - 1);
}
