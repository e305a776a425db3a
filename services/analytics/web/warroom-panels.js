// The panels of the war room: each draws one part of the board and keeps nothing.

import { clockTime, has, number, percent, t } from "/static/i18n.js";
import { html, shortId } from "/static/parts.js";

function orNone(value, show) {
  return value === null || value === undefined ? "–" : show(value);
}

function Meter({ share }) {
  return html`<svg class="meter" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" width="100" height="4" />
    <rect class="fill" width=${Math.max(0, Math.min(100, (share ?? 0) * 100))} height="4" />
  </svg>`;
}

// From the median to the ninth decile, with the mean marked; the scale ends a little beyond.
function Spread({ figures }) {
  const end = (figures.p90 || 1) * 1.25;
  const at = (value) => (100 * (value ?? 0)) / end;
  return html`<svg class="meter" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" width="100" height="4" />
    ${figures.count > 0 &&
    html`<rect class="fill soft" width=${at(figures.p50)} height="4" />
      <rect class="fill" x=${at(figures.p50)} width=${Math.max(1, at(figures.p90) - at(figures.p50))} height="4" />`}
  </svg>`;
}

function Tile({ id, name, value, unit, meter, tone, children }) {
  return html`<article class="tile" data-tone=${tone} aria-labelledby=${`kpi-${id}`} data-kpi=${id}>
    <h2 id=${`kpi-${id}`}>${name}</h2>
    <p class="value number">${value}${unit && html` <small>${unit}</small>`}</p>
    ${meter}
    <p class="detail number">${children}</p>
  </article>`;
}

function Span({ id, figures }) {
  const minutes = (value) => orNone(value, (known) => number(known, 1));
  return html`<${Tile} id=${id} name=${t(`kpi.${id}`)} value=${minutes(figures.mean)} unit=${t("unit.minutes")} tone="blue" meter=${html`<${Spread} figures=${figures} />`}>
    <span>${t("kpi.p50", { value: minutes(figures.p50) })}</span>
    <span>${t("kpi.p90", { value: minutes(figures.p90) })}</span>
    <span>${t("kpi.orders", { count: figures.count })}</span>
  <//>`;
}

export function Kpis({ kpis }) {
  const onTime = kpis.on_time_rate;
  const exceptions = kpis.exception_ratio;
  const reviews = kpis.satisfaction;
  return html`<section class="tiles" aria-label=${t("kpi.title")}>
    <${Tile} id="on_time_rate" name=${t("kpi.on_time_rate")} value=${orNone(onTime.value, percent)} meter=${html`<${Meter} share=${onTime.value} />`} tone="green">
      <span>${t("kpi.onTimeOf", { part: onTime.part, whole: onTime.whole })}</span>
    <//>
    <${Span} id="order_processing_minutes" figures=${kpis.order_processing_minutes} />
    <${Tile}
      id="exception_ratio"
      name=${t("kpi.exception_ratio")}
      value=${orNone(exceptions.value, percent)}
      meter=${html`<${Meter} share=${exceptions.value} />`}
      tone="red"
    >
      <span>${t("kpi.exceptionsOf", { part: exceptions.part, whole: exceptions.whole })}</span>
    <//>
    <${Tile}
      id="satisfaction"
      name=${t("kpi.satisfaction")}
      value=${orNone(reviews.mean, (mean) => number(mean, 2))}
      unit=${t("unit.ofFive")}
      meter=${html`<${Meter} share=${reviews.mean === null ? 0 : (reviews.mean - 1) / 4} />`}
      tone="amber"
    >
      <span>${t("kpi.reviews", { count: reviews.count })}</span>
    <//>
    <${Span} id="click_to_door_minutes" figures=${kpis.click_to_door_minutes} />
    <${Span} id="ready_to_pickup_minutes" figures=${kpis.ready_to_pickup_minutes} />
  </section>`;
}

const OPEN = ["pending_acceptance", "accepted", "preparing", "ready", "delivering", "delivery_exception", "returning", "cancelling"];
const ENDED = ["delivered", "completed", "cancelled", "rejected", "archived"];
const SELDOM = new Set(["returning", "cancelling", "archived"]);

function StateRows({ states, counts, most, title }) {
  const shown = states.filter((state) => !SELDOM.has(state) || counts[state]);
  const total = states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  return html`<tbody>
    <tr class="group">
      <th scope="rowgroup" colspan="2">${title}</th>
      <td class="number">${number(total)}</td>
    </tr>
    ${shown.map((state) => {
      const count = counts[state] ?? 0;
      return html`<tr key=${state} data-state=${state}>
        <th scope="row">${t(`state.${state}`)}</th>
        <td class="bar" aria-hidden="true">
          <svg viewBox="0 0 100 8" preserveAspectRatio="none"><rect width=${(100 * count) / most} height="8" rx="1.5" /></svg>
        </td>
        <td class="number">${number(count)}</td>
      </tr>`;
    })}
  </tbody>`;
}

export function States({ counts }) {
  const most = (states) => Math.max(1, ...states.map((state) => counts[state] ?? 0));
  return html`<section class="panel states" aria-labelledby="states-title">
    <header><h2 id="states-title">${t("states.title")}</h2></header>
    <table>
      <caption class="visually-hidden">${t("states.title")}</caption>
      <${StateRows} states=${OPEN} counts=${counts} most=${most(OPEN)} title=${t("states.open")} />
      <${StateRows} states=${ENDED} counts=${counts} most=${most(ENDED)} title=${t("states.ended")} />
    </table>
  </section>`;
}

function Red({ red }) {
  const { order, failed, lateMinutes } = red;
  return html`<tr data-flag=${failed ? "failed" : "late"} data-order=${order.order_id}>
    <td><span class="badge">${t(failed ? "flag.failed" : "flag.late")}</span></td>
    <th scope="row" title=${order.order_id}>
      <b class="number">#${shortId(order.order_id)}</b>${" "}<small>${order.merchant_name ?? kindName(order.kind)}</small>
    </th>
    <td class="state">${t(`state.${order.state}`)}</td>
    <td class="number promised">${order.promised_at ? html`<time datetime=${order.promised_at}>${clockTime(order.promised_at)}</time>` : "–"}</td>
    <td class="number late" data-late=${lateMinutes}>${lateMinutes > 0 ? t("flag.minutesLate", { minutes: lateMinutes }) : "–"}</td>
  </tr>`;
}

const FLAGS_SHOWN = 50;

export function RedFlags({ flags }) {
  const failed = flags.filter((red) => red.failed).length;
  return html`<section class="panel flags" aria-labelledby="flags-title">
    <header>
      <h2 id="flags-title">${t("flag.title")}</h2>
      <p class="counts number">
        <span data-flag="failed" data-count=${failed}>${t("flag.failedCount", { count: failed })}</span>
        <span data-flag="late" data-count=${flags.length - failed}>${t("flag.lateCount", { count: flags.length - failed })}</span>
      </p>
    </header>
    ${flags.length === 0
      ? html`<p class="calm">${t("flag.none")}</p>`
      : html`<div class="scroll" tabindex="0" role="region" aria-label=${`${t("flag.title")} – ${t("common.asTable")}`}>
          <table>
            <caption class="visually-hidden">${t("flag.title")}</caption>
            <thead>
              <tr>
                <th scope="col">${t("flag.why")}</th>
                <th scope="col">${t("flag.order")}</th>
                <th scope="col" class="state">${t("flag.state")}</th>
                <th scope="col" class="promised">${t("flag.promised")}</th>
                <th scope="col" class="late">${t("flag.late")}</th>
              </tr>
            </thead>
            <tbody>
              ${flags.slice(0, FLAGS_SHOWN).map((red) => html`<${Red} key=${red.order.order_id} red=${red} />`)}
            </tbody>
          </table>
        </div>`}
  </section>`;
}

// Figures side by side for each kind of order that there is, food first.
const KINDS = ["food", "errand_buy", "errand_carry", "errand_queue", "errand_document"];
const ERRANDS = new Set(KINDS.slice(1));

function whole(share) {
  return percent(share, 0);
}

function kindName(kind) {
  return has(`kind.${kind}`) ? t(`kind.${kind}`) : kind;
}

function KindRow({ kind, figures }) {
  const { states, kpis } = figures;
  const open = OPEN.reduce((sum, state) => sum + (states[state] ?? 0), 0);
  const minutes = kpis.order_processing_minutes.p50;
  return html`<tr data-kind=${kind}>
    <th scope="row">${kindName(kind)}</th>
    <td class="number" data-figure="orders">${number(kpis.orders)}</td>
    <td class="number" data-figure="open">${number(open)}</td>
    <td class="number" data-figure="on_time">${orNone(kpis.on_time_rate.value, whole)}</td>
    <td class="number" data-figure="minutes">${orNone(minutes, (known) => number(known, 1))}</td>
    <td class="number seldom" data-figure="exceptions">${orNone(kpis.exception_ratio.value, whole)}</td>
    <td class="number seldom" data-figure="satisfaction">${orNone(kpis.satisfaction.mean, (mean) => number(mean, 2))}</td>
  </tr>`;
}

export function Kinds({ kinds }) {
  const known = [...KINDS, ...Object.keys(kinds).filter((kind) => !KINDS.includes(kind))].filter((kind) => kinds[kind]);
  return html`<section class="panel kinds" aria-labelledby="kinds-title">
    <header><h2 id="kinds-title">${t("kinds.title")}</h2></header>
    ${known.length === 0
      ? html`<p class="calm">${t("kinds.none")}</p>`
      : html`<table>
          <caption class="visually-hidden">${t("kinds.title")}</caption>
          <thead>
            <tr>
              <th scope="col">${t("kinds.kind")}</th>
              <th scope="col" class="number">${t("kinds.orders")}</th>
              <th scope="col" class="number">${t("states.open")}</th>
              <th scope="col" class="number">${t("kinds.onTime")}</th>
              <th scope="col" class="number">${t("kinds.minutes")}</th>
              <th scope="col" class="number seldom">${t("kinds.exceptions")}</th>
              <th scope="col" class="number seldom">${t("kinds.satisfaction")}</th>
            </tr>
          </thead>
          <tbody>
            ${known.map((kind) => html`<${KindRow} key=${kind} kind=${kind} figures=${kinds[kind]} />`)}
          </tbody>
        </table>`}
  </section>`;
}

const RING = 2 * Math.PI * 42;

function Ring({ riders }) {
  const whole = Math.max(1, riders.on_shift);
  let passed = 0;
  const arcs = ["busy", "free", "silent"].map((kind) => {
    const length = (RING * riders[kind]) / whole;
    const arc = html`<circle
      key=${kind}
      data-kind=${kind}
      cx="50"
      cy="50"
      r="42"
      stroke-dasharray=${`${length} ${RING - length}`}
      stroke-dashoffset=${-passed}
    />`;
    passed += length;
    return arc;
  });
  return html`<svg class="ring" viewBox="0 0 100 100" aria-hidden="true">
    <circle class="track" cx="50" cy="50" r="42" />
    <g transform="rotate(-90 50 50)">${arcs}</g>
    <text x="50" y="49">${number(riders.on_shift)}</text>
    <text class="under" x="50" y="64">${t("riders.onShift")}</text>
  </svg>`;
}

export function Riders({ riders }) {
  return html`<section class="panel riders" aria-labelledby="riders-title">
    <header><h2 id="riders-title">${t("riders.title")}</h2></header>
    <div class="ring-and-table">
      <${Ring} riders=${riders} />
      <table>
        <caption class="visually-hidden">${t("riders.title")}</caption>
        <tbody>
          <tr class="visually-hidden"><th scope="row">${t("riders.onShift")}</th><td>${number(riders.on_shift)}</td></tr>
          ${["busy", "free", "silent"].map(
            (kind) => html`<tr key=${kind} data-kind=${kind}>
              <th scope="row"><i aria-hidden="true"></i>${t(`riders.${kind}`)}</th>
              <td class="number">${number(riders[kind])}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

// Why, and for a shop that takes no orders until when.
function detailOf(item) {
  const why = has(`detail.${item.detail}`) ? t(`detail.${item.detail}`) : ERRANDS.has(item.detail) && kindName(item.detail);
  if (item.type !== "MerchantPaused") return why;
  const until = item.until ? t("feed.until", { time: clockTime(item.until) }) : t("feed.untilResumed");
  return [why, until].filter(Boolean).join(" · ");
}

function Happening({ item }) {
  const about = item.order_id || item.rider_id;
  const shop = !about && item.merchant_id;
  const detail = detailOf(item);
  return html`<li data-service=${item.service} data-type=${item.type} data-position=${item.position}>
    <time datetime=${item.at}>${clockTime(item.at, true)}</time>
    <i aria-hidden="true"></i>
    <span class="what">${t(`event.${item.type}`)}${detail && html` <small>${detail}</small>`}</span>
    ${shop
      ? html`<span class="about" title=${shop}>${item.merchant_name ?? `#${shortId(shop)}`}</span>`
      : html`<span class="about number" title=${about ?? ""}>${about ? `#${shortId(about)}` : ""}</span>`}
  </li>`;
}

export function Feed({ feed }) {
  return html`<section class="panel feed" aria-labelledby="feed-title">
    <header><h2 id="feed-title">${t("feed.title")}</h2></header>
    ${feed.length === 0
      ? html`<p class="calm">${t("feed.none")}</p>`
      : html`<ol class="scroll" tabindex="0" aria-labelledby="feed-title">
          ${feed.map((item) => html`<${Happening} key=${item.position} item=${item} />`)}
        </ol>`}
  </section>`;
}
