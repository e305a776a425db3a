// What an order costs, and what an errand is about.

import { has, money, number, t } from "/static/i18n.js";
import { html } from "/static/parts.js";
import { Places } from "./track-places.js";

// The parts of a price beside the items, in the order of the bill; what is nothing is not shown.
const PARTS = {
  packing: "packing_cents",
  service: "service_cents",
  delivery: "delivery_fee_cents",
  time: "time_surcharge_cents",
  weather: "weather_surcharge_cents",
  tip: "tip_cents",
};

// Until an errand is settled, what is bought and waited for is a ceiling, and said to be one.
function partText(part, atMost) {
  const ceiling = `${part}.atMost`;
  return atMost && has(`track.part.${ceiling}`) ? t(`track.part.${ceiling}`) : t(`track.part.${part}`);
}

export function Bill({ order }) {
  const { totals, at_most: atMost } = order;
  const rows = Object.entries(PARTS)
    .filter(([, field]) => totals[field] > 0)
    .map(([part, field]) => [partText(part, atMost && order.terms.wait_minutes_max > 0), totals[field], part]);
  if (order.items.length === 0 && totals.goods_cents > 0) {
    rows.unshift([partText("bought", atMost), totals.goods_cents, "bought"]);
  }
  if (totals.discount_cents > 0) rows.push([t("track.part.discount"), -totals.discount_cents, "discount"]);
  return html`<section class="card" aria-labelledby="items-title">
    <h2 id="items-title">${order.items.length > 0 ? t("track.items") : t("track.bill")}</h2>
    <table class="bill">
      <tbody>
        ${order.items.map(
          (item, index) => html`<tr key=${index}>
            <td class="number quantity">${number(item.quantity)}×</td>
            <th scope="row">
              ${item.name}
              ${item.options?.length > 0 && html`<small>${item.options.map((option) => option.name).join(" · ")}</small>`}
            </th>
            <td class="number">${money(item.quantity * item.unit_cents, order.currency)}</td>
          </tr>`,
        )}
        ${rows.map(
          ([label, cents, part]) => html`<tr key=${part} data-part=${part}>
            <td></td>
            <th scope="row">${label}</th>
            <td class="number">${money(cents, order.currency)}</td>
          </tr>`,
        )}
      </tbody>
      <tfoot>
        <tr>
          <td></td>
          <th scope="row">${atMost ? t("track.total.atMost") : t("track.total")}</th>
          <td class="number">${money(order.total_cents, order.currency)}</td>
        </tr>
      </tfoot>
    </table>
    ${atMost && html`<p class="ceiling">${t("track.bill.ceiling")}</p>`}
  </section>`;
}

// The words are the customer's own: whoever may not see them gets the figures alone.
export function Errand({ order }) {
  const { errand, terms } = order;
  const several = errand?.further_stops.length > 0;
  const asked = errand && [errand.contact_name, errand.contact_phone].filter(Boolean).join(" · ");
  const rows = [
    [errand?.task, "task", t("track.errand.task")],
    [!several && errand?.address, "where", t("track.errand.where")],
    [!several && asked, "ask", t("track.errand.ask")],
    [terms.budget_cents > 0 && money(terms.budget_cents, order.currency), "budget", t("track.errand.budget")],
    [terms.wait_minutes_max > 0 && waiting(order), "wait", t("track.errand.wait")],
    [terms.further_stops_cents > 0 && money(terms.further_stops_cents, order.currency), "further", t("track.errand.further")],
  ].filter(([value]) => value);
  if (rows.length === 0 && !terms.parcel) return null;
  return html`<section class="card" aria-labelledby="errand-title">
    <h2 id="errand-title">${t(`track.kind.${order.kind}`)}</h2>
    <dl class="errand">
      ${rows.map(
        ([value, name, label]) => html`<div key=${name} data-row=${name}>
          <dt>${label}</dt>
          <dd>${value}</dd>
        </div>`,
      )}
    </dl>
    ${several && html`<${Places} order=${order} />`}
    ${terms.parcel && html`<p class="parcel">${t("track.errand.parcel")}</p>`}
  </section>`;
}

function waiting({ terms, currency }) {
  const minutes = t("track.errand.minutes", { count: terms.wait_minutes_max });
  return `${minutes} · ${t("track.errand.perMinute", { price: money(terms.per_minute_cents, currency) })}`;
}
