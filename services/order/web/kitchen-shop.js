// The shop itself on the merchant's page: whether it takes orders, and what is in stock.

import { useRef } from "/static/vendor/preact-hooks.module.js";
import { Failure, useCommand } from "/static/command.js";
import { clockTime, money, t } from "/static/i18n.js";
import { html } from "/static/parts.js";

const PAUSES = [15, 30, 60, null];

export function situation(shop, now) {
  if (shop.pause && (!shop.pause.until || Date.parse(shop.pause.until) > now)) return "paused";
  return shop.open_now ? "open" : "closed";
}

function Pausing({ path, onDone }) {
  const pause = useCommand(`${path}/pause`, onDone);
  const dialog = useRef(null);
  const choose = (minutes) => {
    dialog.current.close();
    pause.run({ reason: "too_busy", ...(minutes && { minutes }) });
  };
  return html`<button type="button" class="quiet" disabled=${pause.sending} onClick=${() => dialog.current.showModal()}>
      ${t("kitchen.pause")}
    </button>
    <dialog ref=${dialog} class="question" aria-labelledby="pause-title">
      <div>
        <h2 id="pause-title">${t("kitchen.pause.question")}</h2>
        <p>${t("kitchen.pause.text")}</p>
        <div class="choices">
          ${PAUSES.map(
            (minutes) => html`<button type="button" class="quiet" key=${minutes} onClick=${() => choose(minutes)}>
              ${minutes ? t("kitchen.pause.for", { count: minutes }) : t("kitchen.pause.open")}
            </button>`,
          )}
          <button type="button" class="quiet wide" onClick=${() => dialog.current.close()}>${t("kitchen.back")}</button>
        </div>
      </div>
    </dialog>
    <${Failure} text=${pause.failure} />`;
}

export function Taking({ shop, now, onDone }) {
  const path = `/v1/merchants/${shop.merchant_id}`;
  const resume = useCommand(`${path}/resume`, onDone);
  const is = situation(shop, now);
  const until = is === "paused" && shop.pause.until;
  return html`<section class="taking" data-situation=${is} aria-labelledby="taking-title">
    <h2 id="taking-title">
      <span role="status">${until ? t("kitchen.paused.until", { time: clockTime(until) }) : t(`kitchen.is.${is}`)}</span>
    </h2>
    ${is === "paused"
      ? html`<button type="button" class="primary" disabled=${resume.sending} onClick=${() => resume.run({})}>
            ${t("kitchen.resume")}
          </button>
          <${Failure} text=${resume.failure} />`
      : html`<${Pausing} path=${path} onDone=${onDone} />`}
  </section>`;
}

function Stocked({ shop, item, onDone }) {
  const path = `/v1/merchants/${shop.merchant_id}/items/${encodeURIComponent(item.sku)}`;
  const change = useCommand(`${path}/${item.in_stock ? "sold-out" : "in-stock"}`, onDone);
  return html`<li data-sku=${item.sku} data-stock=${item.in_stock ? "true" : "false"}>
    <span class="what">${item.name} <small>${money(item.unit_cents, "CNY")}</small></span>
    <button
      type="button"
      role="switch"
      class="stock-switch"
      aria-checked=${item.in_stock ? "true" : "false"}
      aria-label=${t("kitchen.stock.switch", { name: item.name })}
      disabled=${change.sending}
      onClick=${() => change.run({})}
    >
      ${t(item.in_stock ? "kitchen.stock.in" : "kitchen.stock.out")}
    </button>
    <${Failure} text=${change.failure} />
  </li>`;
}

export function Stock({ shop, onDone }) {
  const gone = shop.menu.filter((item) => !item.in_stock).length;
  return html`<details class="stock">
    <summary>${t("kitchen.stock")} <span class="count">${t("kitchen.stock.gone", { count: gone })}</span></summary>
    <ul>
      ${shop.menu.map(
        (item) => html`<${Stocked} key=${`${item.sku}-${item.in_stock}`} shop=${shop} item=${item} onDone=${onDone} />`,
      )}
    </ul>
  </details>`;
}
