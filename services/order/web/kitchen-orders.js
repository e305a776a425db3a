// A merchant's orders by what is to be done about them: pure, so that the page only draws.

export const LANES = ["answer", "cook", "hand_over", "watch", "coming"];

// The orders after one event of the stream; an order that is older than the one we have changes nothing.
export function withEvent(orders, { event, data }) {
  if (event === "orders") return new Map(data.map((order) => [order.order_id, order]));
  if (event === "order") return withOrder(orders, data);
  return orders;
}

export function withOrder(orders, order) {
  const known = orders.get(order.order_id);
  if (known && known.version > order.version) return orders;
  return new Map(orders).set(order.order_id, order);
}

// The open orders of each lane, what is due first on top.
export function lanes(orders) {
  const found = Object.fromEntries(LANES.map((lane) => [lane, []]));
  for (const order of orders.values()) if (order.queue) found[order.queue.lane].push(order);
  for (const lane of LANES) found[lane].sort((one, other) => dueAt(one) - dueAt(other) || compare(one, other));
  return found;
}

function compare(one, other) {
  return one.order_id < other.order_id ? -1 : 1;
}

export function dueAt(order) {
  return Date.parse(order.queue.due_at);
}

// Whole minutes left (positive) or past (negative).
export function minutesLeft(order, now) {
  const minutes = (dueAt(order) - now) / 60_000;
  return minutes < 0 ? Math.ceil(minutes) : Math.floor(minutes);
}

export function isLate(order, now) {
  return ["answer", "cook"].includes(order.queue.lane) && dueAt(order) < now;
}

export function lateCount(orders, now) {
  return [...orders.values()].filter((order) => order.queue && isLate(order, now)).length;
}

// Those that wait for an answer and have not been seen before.
export function newOnes(orders, seen) {
  return [...orders.values()].filter((order) => order.queue?.lane === "answer" && !seen.has(order.order_id));
}

export function has(order, step) {
  return order.steps.some((each) => each.name === step);
}
