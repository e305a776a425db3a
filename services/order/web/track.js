// The customer's tracking page: one order, live.

import { render } from "/static/vendor/preact.module.js";
import { useEffect, useRef, useState } from "/static/vendor/preact-hooks.module.js";
import { PlatformClock } from "/static/clock.js";
import { clockTime, has, startLanguage, t } from "/static/i18n.js";
import { LiveStream } from "/static/live.js";
import {
  Brand,
  Freshness,
  LanguageSwitch,
  StaleBanner,
  applyTheme,
  html,
  shortId,
  useTick,
} from "/static/parts.js";
import { token } from "/static/session.js";
import { Cancel, Confirm } from "./track-actions.js";
import { Bill, Errand } from "./track-bill.js";
import { Review, Reviewed, Thanks } from "./track-review.js";
import { deliveredAt, expectedRange, isOver, minutesToPromise, progress, share } from "./track-steps.js";

const clock = new PlatformClock();
const orderId = decodeURIComponent(location.pathname.split("/").at(-1));
const NOTED = new Set(["delivery_exception", "returning", "cancelling", "cancelled", "rejected"]);

function useOrder() {
  const [order, setOrder] = useState(null);
  const [state, setState] = useState("connecting");
  useEffect(() => {
    const stream = new LiveStream({
      url: `/v1/orders/${encodeURIComponent(orderId)}/live`,
      token: token(),
      onState: setState,
      onEvent: ({ event, data }) => {
        if (event !== "tracking") return true;
        clock.set(data.server_time, data.clock_speed ?? 1);
        setOrder(data);
        return true;
      },
    });
    return () => stream.close();
  }, []);
  return { order, state };
}

// An errand has no kitchen: where there is a text of its own for it, that one is said.
function suited(family, name, order) {
  return order.kind !== "food" && has(`track.${family}.${name}.errand`) ? `${name}.errand` : name;
}

// An order that waits and is past its promise is late by the clock, before any event says so.
function lateMinutes(order) {
  const past = Math.floor(-minutesToPromise(order, clock.now()));
  return isOver(order) || past < 1 ? 0 : past;
}

function Promised({ order }) {
  const arrived = deliveredAt(order);
  const left = Math.ceil(minutesToPromise(order, clock.now()));
  const shown = arrived ?? order.promised_at;
  return html`<div class="promise">
    <span class="label">${t(arrived ? "track.arrived" : "track.promised")}</span>
    <time class="number" datetime=${shown}>${clockTime(shown)}</time>
    ${!arrived && left > 0 && html`<span class="left">${t("track.minutesLeft", { count: left })}</span>`}
  </div>`;
}

function Expected({ order }) {
  const range = expectedRange(order, clock.now());
  if (!range) return null;
  const times = { from: range.from && clockTime(range.from), until: clockTime(range.until) };
  const wide = times.from && times.from !== times.until;
  return html`<p class="expected">
    ${wide ? t("track.expected", times) : t("track.expectedBy", times)}
    ${order.expected.delay_foreseen && html` <strong>${t("track.delayForeseen")}</strong>`}
  </p>`;
}

function Hero({ order }) {
  const late = lateMinutes(order);
  const ended = order.state === "cancelled" || order.state === "rejected";
  return html`<section class="card hero" data-state=${order.state}>
    <p class="merchant">${order.merchant_name || t(`track.kind.${order.kind}`)}</p>
    <h1 aria-live="polite">${t(`track.headline.${suited("headline", order.state, order)}`)}</h1>
    ${NOTED.has(order.state) && html`<p class="note">${t(`track.note.${order.state}`)}</p>`}
    ${!ended && html`<${Promised} order=${order} />`}
    ${!ended && html`<${Expected} order=${order} />`}
    ${!ended &&
    html`<svg class="way" viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="3" />
      <rect class="fill" width=${100 * Math.max(0.04, share(order))} height="3" />
    </svg>`}
    ${late > 0 &&
    html`<p class="late" role="status"><strong>${t("track.late.title")}</strong> ${t("track.late.text", { count: late })}</p>`}
    ${deliveredAt(order) && order.late && html`<p class="late">${t("track.wasLate")}</p>`}
  </section>`;
}

function Steps({ order }) {
  const rows = progress(order);
  return html`<section class="card" aria-labelledby="progress-title">
    <h2 id="progress-title">${t("track.progress")}</h2>
    <ol class="steps">
      ${rows.map(
        (row, index) => html`<li key=${`${row.name}-${index}`} data-kind=${row.kind} data-step=${row.name}>
          <i aria-hidden="true"></i>
          <span>
            ${t(`track.step.${suited("step", row.name, order)}`)}
            ${row.kind === "done" && html`<span class="visually-hidden"> – ${t("track.done")}</span>`}
          </span>
          ${row.at && html`<time class="number" datetime=${row.at}>${clockTime(row.at)}</time>`}
        </li>`,
      )}
    </ol>
  </section>`;
}

const PROOFS = new Set(["photo", "code", "signature"]);

function Proof({ proof }) {
  return html`<section class="card" aria-labelledby="proof-title">
    <h2 id="proof-title">${t("track.proof")}</h2>
    <dl class="proof">
      <dt>${t(`track.proof.${PROOFS.has(proof.kind) ? proof.kind : "other"}`)}</dt>
      <dd><time class="number" datetime=${proof.at}>${clockTime(proof.at)}</time> ${proof.reference}</dd>
      ${proof.received_by &&
      html`<dt>${t("track.proof.receivedBy")}</dt>
        <dd>${t(`track.received.${has(`track.received.${proof.received_by}`) ? proof.received_by : "other"}`)}</dd>`}
      ${proof.sha256 &&
      html`<dt>${t("track.proof.digest")}</dt>
        <dd><code>${proof.sha256}</code></dd>`}
    </dl>
  </section>`;
}

function Order({ order }) {
  const reviewable = useRef(false);
  const reviewed = order.steps.some((step) => step.name === "reviewed");
  reviewable.current ||= order.can_review;
  return html`
    <${Hero} order=${order} />
    ${order.can_confirm && html`<${Confirm} orderId=${order.order_id} />`}
    ${order.can_review && html`<${Review} order=${order} />`}
    ${reviewed && reviewable.current && html`<${Thanks} />`}
    ${order.review && html`<${Reviewed} order=${order} />`}
    <${Steps} order=${order} />
    ${order.terms && html`<${Errand} order=${order} />`}
    ${order.delivery_proof && html`<${Proof} proof=${order.delivery_proof} />`}
    <${Bill} order=${order} />
    ${order.can_cancel && html`<${Cancel} orderId=${order.order_id} />`}
    <p class="foot">
      <span title=${order.order_id}>${t("track.number", { id: `#${shortId(order.order_id)}` })}</span>
      ${order.rider_id && html`<span title=${order.rider_id}>${t("track.rider", { id: `#${shortId(order.rider_id)}` })}</span>`}
    </p>
  `;
}

function Track() {
  const { order, state } = useOrder();
  const [, renew] = useState(0);
  useTick(1000);
  useEffect(() => {
    const title = order ? t(`track.headline.${suited("headline", order.state, order)}`) : t("track.title");
    document.title = `${title} · Doorstep`;
  });
  return html`
    <a class="skip-link" href="#order">${t("common.skip")}</a>
    <header class="top">
      <${Brand} />
      <${Freshness} state=${state} />
      <${LanguageSwitch} onChange=${() => renew((count) => count + 1)} />
    </header>
    <main id="order" tabindex="-1">
      <${StaleBanner} state=${state} />
      ${order ? html`<${Order} order=${order} />` : state === "connecting" && html`<p class="calm">${t("live.connecting")}</p>`}
    </main>
  `;
}

applyTheme(null);
await startLanguage();
render(html`<${Track} />`, document.getElementById("page"));
