// The board as the page holds it: a pure fold of the stream's events.

const FEED_LENGTH = 40;
const FLOW_MINUTES = 60;
const MINUTE_MS = 60_000;

// The board after one event, or null when the event does not follow on what is held.
export function reduce(board, event, data) {
  if (event === "snapshot") return snapshot(data);
  if (event !== "change") return board;
  if (board === null || data.after > board.position) return null;
  if (data.position <= board.position) return board;
  return changed(board, data);
}

function snapshot(data) {
  return {
    position: data.position,
    states: data.states,
    orders: new Map(data.orders.map((order) => [order.order_id, order])),
    riders: data.riders,
    kpis: data.kpis,
    kinds: data.kinds,
    flow: new Map(data.flow.map((entry) => [Date.parse(entry.minute), entry])),
    feed: data.feed,
  };
}

function changed(board, data) {
  const orders = new Map(board.orders);
  for (const order of data.orders) orders.set(order.order_id, order);
  for (const orderId of data.gone) orders.delete(orderId);
  const flow = new Map(board.flow);
  for (const entry of data.flow) flow.set(Date.parse(entry.minute), entry);
  return {
    position: data.position,
    states: data.states ?? board.states,
    orders,
    riders: data.riders ?? board.riders,
    kpis: data.kpis ?? board.kpis,
    kinds: data.kinds ?? board.kinds,
    flow: recent(flow),
    feed: [...data.feed, ...board.feed].slice(0, FEED_LENGTH),
  };
}

function recent(flow) {
  const newest = Math.max(...flow.keys());
  return new Map([...flow].filter(([minute]) => minute > newest - 2 * FLOW_MINUTES * MINUTE_MS));
}

// Open orders that failed or are past their promise, the worst first; the same rule as the server's.
export function redFlags(board, now) {
  const flags = [];
  for (const order of board.orders.values()) {
    const promised = order.promised_at ? Date.parse(order.promised_at) : null;
    const late = promised !== null && promised < now;
    const failed = order.failed_at !== null;
    if (!late && !failed) continue;
    flags.push({ order, failed, lateMinutes: late ? Math.floor((now - promised) / MINUTE_MS) : 0 });
  }
  return flags.sort(
    (a, b) => b.failed - a.failed || b.lateMinutes - a.lateMinutes || (a.order.order_id < b.order.order_id ? -1 : 1),
  );
}

// One entry for each of the last sixty minutes, oldest first; the last one is still running.
export function flowWindow(board, now) {
  const last = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  return Array.from({ length: FLOW_MINUTES }, (_, index) => {
    const minute = last - (FLOW_MINUTES - 1 - index) * MINUTE_MS;
    const { placed = 0, delivered = 0, failed = 0 } = board.flow.get(minute) ?? {};
    return { minute, placed, delivered, failed };
  });
}
