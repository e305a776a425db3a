// The places of an errand that goes to several: where, whom to ask for, what to do there, and what is done.

import { clockTime, t } from "/static/i18n.js";
import { html } from "/static/parts.js";

const WITH_THE_RIDER = new Set(["delivering", "delivered", "completed", "archived"]);

// The places in the order of the way. The rider may say nothing of the first one before he has all of it.
function placesOf({ errand, state, steps }) {
  const taken = WITH_THE_RIDER.has(state) ? (steps.findLast((step) => step.name === "picked_up")?.at ?? null) : null;
  const first = { ...errand, task: "", done_at: errand.done_at ?? taken };
  return [first, ...errand.further_stops];
}

function kindOf(place) {
  if (place.empty_handed) return "empty";
  return place.done_at ? "done" : "coming";
}

export function Places({ order }) {
  return html`<h3 id="places-title">${t("track.errand.places")}</h3>
    <ol class="steps places" aria-labelledby="places-title">
      ${placesOf(order).map((place, index) => {
        const asked = [place.contact_name, place.contact_phone].filter(Boolean).join(" · ");
        const kind = kindOf(place);
        return html`<li key=${index} data-kind=${kind} data-place=${index}>
          <i aria-hidden="true"></i>
          <span>
            ${place.address}
            ${place.task && html`<small>${place.task}</small>`} ${asked && html`<small>${asked}</small>`}
            ${kind === "empty" && html`<small class="empty">${t("track.errand.place.empty")}</small>`}
            ${kind === "done" && html`<span class="visually-hidden"> – ${t("track.done")}</span>`}
          </span>
          ${place.done_at && html`<time class="number" datetime=${place.done_at}>${clockTime(place.done_at)}</time>`}
        </li>`;
      })}
    </ol>`;
}
