// What a customer can do about an order: cancel it, say that it has come, say how it was.

import { useEffect, useRef, useState } from "/static/vendor/preact-hooks.module.js";
import { Failure, useCommand } from "/static/command.js";
import { t } from "/static/i18n.js";
import { html } from "/static/parts.js";

const STARS = [1, 2, 3, 4, 5];
const WHOM = ["merchant", "rider", "platform"];

export function Confirm({ orderId }) {
  const confirm = useCommand(`/v1/orders/${orderId}/confirm`);
  return html`<section class="card act">
    <button type="button" class="primary" disabled=${confirm.sending} onClick=${() => confirm.run({})}>
      ${confirm.sending ? t("track.sending") : t("track.confirm")}
    </button>
    <${Failure} text=${confirm.failure} />
  </section>`;
}

export function Cancel({ orderId }) {
  const cancel = useCommand(`/v1/orders/${orderId}/cancel`);
  const dialog = useRef(null);
  const sure = () => {
    dialog.current.close();
    cancel.run({ reason: "changed_mind" });
  };
  return html`<section class="act">
    <button type="button" class="quiet" disabled=${cancel.sending} onClick=${() => dialog.current.showModal()}>
      ${cancel.sending ? t("track.sending") : t("track.cancel")}
    </button>
    <${Failure} text=${cancel.failure} />
    <dialog ref=${dialog} class="question" aria-labelledby="cancel-question">
      <div>
        <h2 id="cancel-question">${t("track.cancel.question")}</h2>
        <p>${t("track.cancel.text")}</p>
        <div class="choices">
          <button type="button" class="quiet" onClick=${() => dialog.current.close()}>${t("track.cancel.no")}</button>
          <button type="button" class="danger" onClick=${sure}>${t("track.cancel.yes")}</button>
        </div>
      </div>
    </dialog>
  </section>`;
}

function Stars({ whom, value, onChange }) {
  return html`<fieldset class="stars">
    <legend>${t(`track.review.${whom}`)}</legend>
    <div>
      ${STARS.map(
        (star) => html`<label key=${star} data-lit=${star <= value ? "true" : "false"}>
          <input
            type="radio"
            name=${`review-${whom}`}
            value=${star}
            checked=${star === value}
            onChange=${() => onChange(star)}
          />
          <svg viewBox="0 0 24 24" width="30" height="30" aria-hidden="true">
            <path d="m12 2.8 2.8 5.9 6.4.8-4.7 4.4 1.2 6.4-5.7-3.1-5.7 3.1 1.2-6.4L2.8 9.5l6.4-.8Z" />
          </svg>
          <span class="visually-hidden">${t("track.review.stars", { count: star })}</span>
        </label>`,
      )}
    </div>
  </fieldset>`;
}

export function Review({ orderId }) {
  const review = useCommand(`/v1/orders/${orderId}/review`);
  const [scores, setScores] = useState({});
  const [comment, setComment] = useState("");
  const ready = WHOM.every((whom) => scores[whom]);
  const submit = (event) => {
    event.preventDefault();
    review.run({ ...scores, ...(comment.trim() && { comment: comment.trim() }) });
  };
  return html`<form class="card review" onSubmit=${submit}>
    <h2>${t("track.review.title")}</h2>
    ${WHOM.map(
      (whom) => html`<${Stars}
        key=${whom}
        whom=${whom}
        value=${scores[whom] ?? 0}
        onChange=${(star) => setScores({ ...scores, [whom]: star })}
      />`,
    )}
    <label class="comment">
      ${t("track.review.text")}
      <textarea rows="3" maxlength="1000" value=${comment} onInput=${(event) => setComment(event.target.value)}></textarea>
    </label>
    <button type="submit" class="primary" disabled=${!ready || review.sending}>
      ${review.sending ? t("track.sending") : t("track.review.send")}
    </button>
    <${Failure} text=${review.failure} />
  </form>`;
}

// Thanks are said once the stream itself tells that the review has arrived.
export function Thanks() {
  const place = useRef(null);
  useEffect(() => place.current?.focus(), []);
  return html`<p class="card thanks" role="status" tabindex="-1" ref=${place}>${t("track.review.thanks")}</p>`;
}
