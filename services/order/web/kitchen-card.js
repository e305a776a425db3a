// One order on the merchant's page, with what can be done about it.

import { useRef, useState } from "/static/vendor/preact-hooks.module.js";
import { Failure, useCommand } from "/static/command.js";
import { clockTime, number, t } from "/static/i18n.js";
import { html, shortId } from "/static/parts.js";
import { has, isLate, minutesLeft } from "./kitchen-orders.js";

const MINUTES = [5, 10, 15, 20, 30, 45, 60];
const MORE = [5, 10, 15];
const REASONS = ["sold_out", "too_busy", "merchant_closed", "cannot_make_it"];

function Due({ order, now }) {
  const left = minutesLeft(order, now);
  const lane = order.queue.lane;
  const late = isLate(order, now);
  if (lane === "watch") return html`<span class="due">${t(`state.${order.state}`)}</span>`;
  const text =
    late || left < 0
      ? t("kitchen.past", { count: -left })
      : t(lane === "coming" ? "kitchen.in" : "kitchen.left", { count: left });
  return html`<span class="due" data-late=${late ? "true" : "false"}>
    <time class="number" datetime=${order.queue.due_at}>${clockTime(order.queue.due_at)}</time> ${text}
  </span>`;
}

function Items({ order }) {
  return html`<ul class="items">
    ${order.items.map(
      (item, index) => html`<li key=${index}>
        <span class="number quantity">${number(item.quantity)}×</span>
        <span>
          ${item.name}
          ${item.options.length > 0 && html`<small>${item.options.map((option) => option.name).join(" · ")}</small>`}
        </span>
      </li>`,
    )}
  </ul>`;
}

function Reject({ order, onDone }) {
  const reject = useCommand(`/v1/orders/${order.order_id}/reject`, onDone);
  const dialog = useRef(null);
  const [reason, setReason] = useState(REASONS[0]);
  const title = `reject-${order.order_id}`;
  const sure = () => {
    dialog.current.close();
    reject.run({ reason });
  };
  return html`<button type="button" class="quiet" disabled=${reject.sending} onClick=${() => dialog.current.showModal()}>
      ${t("kitchen.reject")}
    </button>
    <${Failure} text=${reject.failure} />
    <dialog ref=${dialog} class="question" aria-labelledby=${title}>
      <div>
        <h3 id=${title}>${t("kitchen.reject.question", { id: `#${shortId(order.order_id)}` })}</h3>
        <label>
          ${t("kitchen.reject.why")}
          <select value=${reason} onChange=${(event) => setReason(event.target.value)}>
            ${REASONS.map((each) => html`<option key=${each} value=${each}>${t(`kitchen.reason.${each}`)}</option>`)}
          </select>
        </label>
        <div class="choices">
          <button type="button" class="quiet" onClick=${() => dialog.current.close()}>${t("kitchen.back")}</button>
          <button type="button" class="danger" onClick=${sure}>${t("kitchen.reject.yes")}</button>
        </div>
      </div>
    </dialog>`;
}

function Answer({ order, usual, onDone }) {
  const accept = useCommand(`/v1/orders/${order.order_id}/accept`, onDone);
  const [minutes, setMinutes] = useState(String(usual));
  const choices = [...new Set([...MINUTES, usual])].sort((one, other) => one - other);
  return html`<div class="doing">
    <label class="minutes">
      <span>${t("kitchen.readyIn")}</span>
      <select value=${minutes} onChange=${(event) => setMinutes(event.target.value)}>
        ${choices.map((each) => html`<option key=${each} value=${each}>${t("kitchen.minutes", { count: each })}</option>`)}
      </select>
    </label>
    <button
      type="button"
      class="primary"
      disabled=${accept.sending}
      onClick=${() => accept.run({ preparation_minutes: Number(minutes) })}
    >
      ${accept.sending ? t("track.sending") : t("kitchen.accept")}
    </button>
    <${Reject} order=${order} onDone=${onDone} />
    <${Failure} text=${accept.failure} />
  </div>`;
}

function Cook({ order, onDone }) {
  const path = `/v1/orders/${order.order_id}`;
  const start = useCommand(`${path}/start-preparation`, onDone);
  const ready = useCommand(`${path}/ready`, onDone);
  const extend = useCommand(`${path}/extend-preparation`, onDone);
  const more = (minutes) => {
    const from = Math.max(Date.parse(order.ready_at), Date.parse(order.placed_at));
    extend.run({ ready_at: new Date(from + minutes * 60_000).toISOString(), reason: "kitchen_busy" });
  };
  return html`<div class="doing">
    ${!has(order, "preparing") &&
    html`<button type="button" class="quiet" disabled=${start.sending} onClick=${() => start.run({})}>
      ${t("kitchen.start")}
    </button>`}
    <button type="button" class="primary" disabled=${ready.sending} onClick=${() => ready.run({})}>
      ${ready.sending ? t("track.sending") : t("kitchen.ready")}
    </button>
    <div class="more" role="group" aria-label=${t("kitchen.more")}>
      <span aria-hidden="true">${t("kitchen.more")}</span>
      ${MORE.map(
        (minutes) => html`<button
          type="button"
          key=${minutes}
          class="quiet"
          disabled=${extend.sending}
          onClick=${() => more(minutes)}
        >
          +${number(minutes)}<span class="visually-hidden"> ${t("unit.minutes")}</span>
        </button>`,
      )}
    </div>
    <${Failure} text=${start.failure ?? ready.failure ?? extend.failure} />
  </div>`;
}

function Rider({ order }) {
  if (!["cook", "hand_over"].includes(order.queue.lane)) return null;
  const text = order.rider_id ? t("track.rider", { id: `#${shortId(order.rider_id)}` }) : t("kitchen.noRider");
  return html`<p class="rider" title=${order.rider_id}>${text}</p>`;
}

// The key of a card holds its state: the next state begins with nothing typed and nothing failed.
export function Card({ order, now, usual, isNew, onDone }) {
  const lane = order.queue.lane;
  const title = `order-${order.order_id}`;
  return html`<article
    class="order"
    data-order=${order.order_id}
    data-lane=${lane}
    data-late=${isLate(order, now) ? "true" : "false"}
    data-new=${isNew ? "true" : "false"}
    aria-labelledby=${title}
  >
    <header>
      <h3 id=${title} title=${order.order_id}>#${shortId(order.order_id)}</h3>
      ${order.priority !== "normal" && html`<span class="badge" data-priority=${order.priority}>${t(`kitchen.${order.priority}`)}</span>`}
      <${Due} order=${order} now=${now} />
    </header>
    <${Items} order=${order} />
    ${order.note && html`<p class="note">${order.note}</p>`}
    <${Rider} order=${order} />
    ${lane === "answer" && html`<${Answer} order=${order} usual=${usual} onDone=${onDone} />`}
    ${lane === "cook" && html`<${Cook} order=${order} onDone=${onDone} />`}
  </article>`;
}
