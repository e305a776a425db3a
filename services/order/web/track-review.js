// What the customer thinks of an order: stars, tags, words and pictures, and what has become of them.

import { useEffect, useRef, useState } from "/static/vendor/preact-hooks.module.js";
import { Failure, useCommand } from "/static/command.js";
import { number, t } from "/static/i18n.js";
import { html } from "/static/parts.js";
import { Problem, freshKey, send, token } from "/static/session.js";
import { base64, shrunk } from "./track-picture.js";

const STARS = [1, 2, 3, 4, 5];
const WHOM = ["merchant", "rider", "platform"];
const FOOD_TAGS = ["tasty", "well_packed", "good_value", "cold", "spilled", "wrong_item"];
const TAGS = ["on_time", "friendly_rider", "late", "rude"];
const PHOTOS_MOST = 4;

// An errand has no merchant: its first stars are for the errand itself.
function whomText(whom, kind) {
  return whom === "merchant" && kind !== "food" ? t("track.review.merchant.errand") : t(`track.review.${whom}`);
}

function Stars({ whom, name, value, onChange }) {
  return html`<fieldset class="stars">
    <legend>${name}</legend>
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

function Tags({ kind, chosen, onChange }) {
  const offered = kind === "food" ? [...FOOD_TAGS, ...TAGS] : TAGS;
  const turn = (tag) => onChange(chosen.includes(tag) ? chosen.filter((each) => each !== tag) : [...chosen, tag]);
  return html`<fieldset class="tags">
    <legend>${t("track.review.tags")}</legend>
    <div>
      ${offered.map(
        (tag) => html`<button
          type="button"
          key=${tag}
          class="tag"
          data-tag=${tag}
          aria-pressed=${chosen.includes(tag) ? "true" : "false"}
          onClick=${() => turn(tag)}
        >
          ${t(`review.tag.${tag}`)}
        </button>`,
      )}
    </div>
  </fieldset>`;
}

async function sendPicture(orderId, file) {
  const small = await shrunk(file);
  const answer = await send(`/v1/orders/${orderId}/photos`, { content: await base64(small) }, freshKey());
  return { id: answer.photo_id, url: URL.createObjectURL(small) };
}

function failureOf(error) {
  if (error instanceof Problem) return t("failed.busy", { reason: error.message });
  return error instanceof TypeError ? t("failed.offline") : t("track.review.photo.unreadable");
}

function Photos({ orderId, photos, onChange }) {
  const [state, setState] = useState({ busy: false, failure: null });
  const choose = async (event) => {
    const files = [...event.target.files].slice(0, PHOTOS_MOST - photos.length);
    event.target.value = "";
    setState({ busy: true, failure: null });
    let held = photos;
    let failure = null;
    for (const file of files) {
      try {
        const sent = await sendPicture(orderId, file);
        if (!held.some((photo) => photo.id === sent.id)) held = [...held, sent];
      } catch (error) {
        failure = failureOf(error);
      }
    }
    onChange(held);
    setState({ busy: false, failure });
  };
  return html`<fieldset class="photos">
    <legend>${t("track.review.photos")}</legend>
    <div>
      ${photos.map(
        (photo, index) => html`<button
          type="button"
          key=${photo.id}
          class="photo"
          aria-label=${t("track.review.photo.remove", { number: index + 1 })}
          onClick=${() => onChange(photos.filter((each) => each !== photo))}
        >
          <img src=${photo.url} alt="" />
          <span aria-hidden="true">×</span>
        </button>`,
      )}
      ${photos.length < PHOTOS_MOST &&
      html`<label class="quiet add" data-busy=${state.busy ? "true" : "false"}>
        <input
          type="file"
          accept="image/*"
          multiple
          aria-label=${t("track.review.photo.add")}
          disabled=${state.busy}
          onChange=${choose}
        />
        <span role="status">${state.busy ? t("track.review.photo.preparing") : t("track.review.photo.add")}</span>
      </label>`}
    </div>
    <${Failure} text=${state.failure} />
  </fieldset>`;
}

export function Review({ order }) {
  const review = useCommand(`/v1/orders/${order.order_id}/review`);
  const [scores, setScores] = useState({});
  const [tags, setTags] = useState([]);
  const [photos, setPhotos] = useState([]);
  const [comment, setComment] = useState("");
  const ready = WHOM.every((whom) => scores[whom]);
  const submit = (event) => {
    event.preventDefault();
    const said = comment.trim();
    review.run({ ...scores, tags, photos: photos.map((photo) => photo.id), ...(said && { comment: said }) });
  };
  return html`<form class="card review" onSubmit=${submit}>
    <h2>${t("track.review.title")}</h2>
    ${WHOM.map(
      (whom) => html`<${Stars}
        key=${whom}
        whom=${whom}
        name=${whomText(whom, order.kind)}
        value=${scores[whom] ?? 0}
        onChange=${(star) => setScores({ ...scores, [whom]: star })}
      />`,
    )}
    <${Tags} kind=${order.kind} chosen=${tags} onChange=${setTags} />
    <label class="comment">
      ${t("track.review.text")}
      <textarea rows="3" maxlength="1000" value=${comment} onInput=${(event) => setComment(event.target.value)}></textarea>
    </label>
    <${Photos} orderId=${order.order_id} photos=${photos} onChange=${setPhotos} />
    <button type="submit" class="primary" disabled=${!ready || review.sending}>
      ${review.sending ? t("track.sending") : t("track.review.send")}
    </button>
    <${Failure} text=${review.failure} />
  </form>`;
}

// A picture of a review is personal until it is published: it is asked for with the token, which <img> cannot send.
function Photo({ orderId, photoId, index }) {
  const [url, setUrl] = useState(null);
  useEffect(() => {
    let made = null;
    let gone = false;
    const load = async () => {
      const headers = { Authorization: `Bearer ${token()}` };
      const answer = await fetch(`/v1/orders/${orderId}/photos/${photoId}`, { headers });
      if (!answer.ok || gone) return;
      made = URL.createObjectURL(await answer.blob());
      setUrl(made);
    };
    load().catch(() => {});
    return () => {
      gone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [orderId, photoId]);
  return url && html`<img src=${url} alt=${t("track.review.photo.shown", { number: index + 1 })} />`;
}

export function Reviewed({ order }) {
  const review = order.review;
  return html`<section class="card reviewed" aria-labelledby="reviewed-title" data-standing=${review.standing}>
    <h2 id="reviewed-title">${t("track.reviewed")}</h2>
    <dl class="scores">
      ${WHOM.map(
        (whom) => html`<div key=${whom} data-whom=${whom}>
          <dt>${whomText(whom, order.kind)}</dt>
          <dd class="number">${t("track.review.score", { score: number(review[whom]) })}</dd>
        </div>`,
      )}
    </dl>
    ${review.tags.length > 0 &&
    html`<ul class="tags">
      ${review.tags.map((tag) => html`<li key=${tag} class="tag" data-tag=${tag}>${t(`review.tag.${tag}`)}</li>`)}
    </ul>`}
    ${review.comment && html`<blockquote>${review.comment}</blockquote>`}
    ${review.photos.length > 0 &&
    html`<div class="photos">
      ${review.photos.map(
        (photoId, index) => html`<${Photo} key=${photoId} orderId=${order.order_id} photoId=${photoId} index=${index} />`,
      )}
    </div>`}
    <p class="standing">${t(`track.review.standing.${review.standing}`)}</p>
  </section>`;
}

// Thanks are said once the stream itself tells that the review has arrived.
export function Thanks() {
  const place = useRef(null);
  useEffect(() => place.current?.focus(), []);
  return html`<p class="card thanks" role="status" tabindex="-1" ref=${place}>${t("track.review.thanks")}</p>`;
}
