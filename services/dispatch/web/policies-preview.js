// What a version would change: past days played under it and under the one in force, by a process of its own.

import { useEffect, useState } from "/static/vendor/preact-hooks.module.js";
import { Failure, useCommand } from "/static/command.js";
import { number as digits, t } from "/static/i18n.js";
import { html } from "/static/parts.js";
import { read } from "/static/session.js";
import { moment, versionName } from "./policies-words.js";

const LOOK_EVERY_MS = 1500;
const DECIMALS = { "earnings_gini": 3, "cost_per_order_cents": 0, "utilisation_percent": 1 };
const OPEN = ["waiting", "playing"];

function usePreview(path, number) {
  const [preview, setPreview] = useState(undefined);
  const open = OPEN.includes(preview?.state);
  const look = () => read(`${path}/versions/${number}/previews`).then((found) => setPreview(found[0] ?? null), () => {});
  useEffect(() => {
    look();
  }, [path, number]);
  useEffect(() => {
    if (!open) return undefined;
    const timer = setInterval(look, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [open, path, number]);
  return { preview, setPreview, open };
}

function shown(value, effect, { signed = false } = {}) {
  if (value === null || value === undefined) return "–";
  const text = digits(Math.abs(value), DECIMALS[effect.kpi] ?? 2);
  const sign = value < 0 ? "−" : signed && value > 0 ? "+" : "";
  const unit = signed && effect.unit === "%" ? "points" : effect.unit;
  return unit ? t(`policies.kpiUnit.${unit}`, { value: sign + text }) : sign + text;
}

function interval(effect) {
  const found = effect.difference;
  if (!found) return "–";
  if (found.low === null) return t("policies.preview.oneDay");
  const [low, high] = [found.low, found.high].map((end) => shown(end, effect, { signed: true }));
  return t("policies.preview.interval", { low, high });
}

// A word beside the colour, for whoever does not see it.
function verdict(effect) {
  const found = effect.difference;
  if (!found || (found.mean === 0 && !found.low && !found.high)) return "same";
  if (effect.better !== null) return effect.better ? "better" : "worse";
  const sure = found.low !== null && (found.low > 0 || found.high < 0);
  return sure ? "neither" : "chance";
}

// A dot, its interval, and the line of no difference.
function Whisker({ effect }) {
  const { mean, low, high } = effect.difference ?? { mean: 0, low: null, high: null };
  const reach = 1.15 * Math.max(...[mean, low ?? 0, high ?? 0].map(Math.abs)) || 1;
  const x = (value) => (60 + (54 * value) / reach).toFixed(1);
  return html`<svg viewBox="0 0 120 20" width="120" height="20" aria-hidden="true" data-verdict=${verdict(effect)}>
    <line class="zero" x1="60" x2="60" y1="1" y2="19" />
    ${low !== null && html`<line class="whisker" x1=${x(low)} x2=${x(high)} y1="10" y2="10" />`}
    <circle cx=${x(mean)} cy="10" r="4.5" />
  </svg>`;
}

function Effects({ preview }) {
  return html`<div class="scroller" tabindex="0" role="group" aria-label=${t("policies.preview")}>
    <table class="effects">
      <thead>
        <tr>
          <th scope="col">${t("policies.preview.figure")}</th>
          <th scope="col">${versionName(preview.against)}</th>
          <th scope="col">${versionName(preview.number)}</th>
          <th scope="col" colspan="2">${t("policies.preview.difference")}</th>
          <th scope="col">${t("policies.preview.sure")}</th>
        </tr>
      </thead>
      <tbody>
        ${preview.effects.map(
          (each) => html`<tr key=${each.kpi} data-kpi=${each.kpi} data-verdict=${verdict(each)}>
            <th scope="row">${t(`policies.kpi.${each.kpi}`)}</th>
            <td>${shown(each.before?.mean, each)}</td>
            <td>${shown(each.after?.mean, each)}</td>
            <td>${shown(each.difference?.mean, each, { signed: true })}</td>
            <td><${Whisker} effect=${each} /><small>${t(`policies.preview.${verdict(each)}`)}</small></td>
            <td>${interval(each)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function Done({ preview }) {
  const words = preview.source === "recorded" ? "policies.preview.recorded" : "policies.preview.madeUp";
  return html`<p>${t(words, { orders: digits(preview.orders, 0), count: preview.days.length })}</p>
    <${Effects} preview=${preview} />
    <p class="none">${t("policies.preview.told")}</p>`;
}

function State({ preview }) {
  const other = { version: versionName(preview.number), other: versionName(preview.against) };
  const share = Math.floor(100 * preview.share);
  return html`<p class="since">${t("policies.preview.beside", { ...other, time: moment(preview.asked_at) })}</p>
    <div role="status">
      ${preview.state === "waiting" && html`<p>${t("policies.preview.waiting")}</p>`}
      ${preview.state === "playing" && html`<p>${t("policies.preview.playing", { share: digits(share, 0) })}</p>`}
      ${preview.state === "failed" && html`<p class="failure">${t("policies.preview.failed", { reason: preview.error })}</p>`}
    </div>
    ${OPEN.includes(preview.state) &&
    html`<progress max="100" value=${share} aria-label=${t("policies.preview.progress")}></progress>`}
    ${preview.state === "done" && html`<${Done} preview=${preview} />`}`;
}

export function Preview({ path, number, active }) {
  const { preview, setPreview, open } = usePreview(path, number);
  const command = useCommand(`${path}/versions/${number}/previews`, setPreview);
  const mayAsk = number !== active && !open && preview !== undefined;
  return html`<section class="preview" aria-labelledby="preview" data-preview=${preview?.state ?? "none"}>
    <h3 id="preview">${t("policies.preview")}</h3>
    ${preview === null && html`<p class="none">${t("policies.preview.none")}</p>`}
    ${preview && html`<${State} preview=${preview} />`}
    <${Failure} text=${command.failure} />
    ${mayAsk &&
    html`<div class="doing">
      <button type="button" class="quiet" disabled=${command.sending} onClick=${() => command.run({})}>
        ${t(preview ? "policies.preview.again" : "policies.preview.ask")}
      </button>
    </div>`}
  </section>`;
}
