// The versions of a policy, one of them in full, and what it changes against the one in force.

import { useEffect, useState } from "/static/vendor/preact-hooks.module.js";
import { t } from "/static/i18n.js";
import { html } from "/static/parts.js";
import { read } from "/static/session.js";
import { AskWhy } from "./policies-doing.js";
import { Preview } from "./policies-preview.js";
import {
  changeText,
  fieldText,
  figureName,
  figureText,
  moment,
  placesText,
  timesText,
  versionName,
  whoSays,
} from "./policies-words.js";

export function Versions({ list, chosen, more, onMore, onChoose }) {
  return html`<section class="versions panel" aria-labelledby="versions">
    <h2 id="versions">${t("policies.versions")}</h2>
    <ul>
      ${list.map(
        (each) => html`<li key=${each.number}>
          <button
            type="button"
            class="version"
            data-number=${each.number}
            data-state=${each.state}
            aria-pressed=${each.number === chosen ? "true" : "false"}
            onClick=${() => onChoose(each.number)}
          >
            <strong>${versionName(each.number)}</strong>
            <span class="badge" data-state=${each.state}>${t(`policies.state.${each.state}`)}</span>
            ${each.drafted_at && html`<small>${moment(each.drafted_at)} · ${whoSays(each.drafted_by)}</small>`}
            ${each.reason && html`<small class="reason">${each.reason}</small>`}
          </button>
        </li>`,
      )}
    </ul>
    ${more && html`<button type="button" class="quiet" onClick=${onMore}>${t("policies.more")}</button>`}
  </section>`;
}

// Who did what, the latest first; looked at again whenever something was done.
export function Audit({ path, version }) {
  const [entries, setEntries] = useState([]);
  const [next, setNext] = useState(null);
  const load = async (cursor) => {
    const page = await read(`${path}/audit?limit=20${cursor ? `&cursor=${cursor}` : ""}`);
    setEntries((known) => (cursor ? [...known, ...page.items] : page.items));
    setNext(page.next);
  };
  useEffect(() => {
    load(null).catch(() => {});
  }, [version]);
  return html`<details class="audit panel">
    <summary>${t("policies.audit")}</summary>
    <ol>
      ${entries.map(
        (each) => html`<li key=${each.position} data-what=${each.what}>
          <strong>${t(`policies.did.${each.what}`, { version: versionName(each.number) })}</strong>
          <small>${moment(each.at)} · ${whoSays(each.actor)} · ${each.reason}</small>
        </li>`,
      )}
    </ol>
    ${next && html`<button type="button" class="quiet" onClick=${() => load(next).catch(() => {})}>${t("policies.more")}</button>`}
  </details>`;
}

function useChanges(path, before, after) {
  const [changes, setChanges] = useState(null);
  useEffect(() => {
    let wanted = true;
    setChanges(null);
    read(`${path}/changes?before=${before}&after=${after}`).then((found) => wanted && setChanges(found), () => {});
    return () => (wanted = false);
  }, [path, before, after]);
  return changes;
}

export function Changes({ changes, figures }) {
  if (changes.length === 0) return html`<p class="none">${t("policies.noChanges")}</p>`;
  return html`<div class="scroller" tabindex="0" role="group" aria-label=${t("policies.changes")}>
    <table class="changes">
      <thead>
        <tr>
          <th scope="col">${t("policies.what")}</th>
          <th scope="col">${t("policies.before")}</th>
          <th scope="col">${t("policies.after")}</th>
        </tr>
      </thead>
      <tbody>
        ${changes.map(
          (each) => html`<tr key=${each.field} data-field=${each.field}>
            <th scope="row">${fieldText(each.field)}</th>
            <td>${changeText(each, each.before, figures)}</td>
            <td class="after">${changeText(each, each.after, figures)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function Compared({ path, list, shown, active, figures }) {
  const [against, setAgainst] = useState(active === shown.number ? Math.max(0, shown.number - 1) : active);
  const changes = useChanges(path, against, shown.number);
  return html`<section class="compared" aria-labelledby="compared">
    <h3 id="compared">${t("policies.changes")}</h3>
    <label class="against"
      >${t("policies.against")}
      <select value=${String(against)} onChange=${(event) => setAgainst(Number(event.target.value))}>
        ${list.map((each) => html`<option key=${each} value=${String(each)}>${versionName(each)}</option>`)}
      </select>
    </label>
    ${changes && html`<${Changes} changes=${changes} figures=${figures} />`}
  </section>`;
}

function Figures({ values, figures }) {
  const units = Object.fromEntries(figures.map((each) => [each.figure, each.unit]));
  return html`<dl class="figures">
    ${Object.entries(values).map(
      ([name, value]) => html`<div key=${name} data-figure=${name}>
        <dt>${figureName(name)}</dt>
        <dd class="number">${figureText(value, units[name] ?? "count")}</dd>
      </div>`,
    )}
  </dl>`;
}

function Whole({ document, figures }) {
  return html`<section class="whole" aria-labelledby="whole">
    <h3 id="whole">${t("policies.says")}</h3>
    <h4>${t("policies.defaults")}</h4>
    ${Object.keys(document.defaults).length
      ? html`<${Figures} values=${document.defaults} figures=${figures} />`
      : html`<p class="none">${t("policies.asSettings")}</p>`}
    ${document.rules.map(
      (rule) => html`<article key=${rule.name} class="rule" data-rule=${rule.name}>
        <h4>${rule.name}${rule.rank ? html` <small>${t("policies.rank", { rank: rule.rank })}</small>` : null}</h4>
        <p>${placesText(rule)} · ${timesText(rule)}</p>
        <${Figures} values=${rule.values} figures=${figures} />
      </article>`,
    )}
    ${document.areas.length > 0 &&
    html`<p class="none">
      ${t("policies.areas")}: ${document.areas.map((area) => area.name).join(", ")} · ${document.time_zone}
    </p>`}
  </section>`;
}

export function Detail({ path, policy, shown, onEdit, onDone }) {
  const number = shown.number;
  const others = Array.from({ length: policy.latest + 1 }, (_, index) => policy.latest - index);
  const common = { version: policy.version, onDone };
  const going = { version: versionName(number) };
  return html`<section class="detail panel" aria-labelledby="detail" data-number=${number}>
    <h2 id="detail">${versionName(number)} <span class="badge" data-state=${shown.state}>${t(`policies.state.${shown.state}`)}</span></h2>
    <div class="doing">
      ${number !== policy.active &&
      html`<${AskWhy}
          ...${common}
          path=${`${path}/versions/${number}/activate`}
          label=${t("policies.activate")}
          question=${t("policies.activate.question", going)}
          kind="primary"
        />
        <${AskWhy}
          ...${common}
          path=${`${path}/versions/${number}/activate`}
          label=${t("policies.schedule")}
          question=${t("policies.schedule.question", going)}
          withTime
        />`}
      <button type="button" class="quiet" onClick=${onEdit}>${t("policies.edit")}</button>
    </div>
    <${Compared}
      path=${path}
      list=${others.filter((each) => each !== number)}
      shown=${shown}
      active=${policy.active}
      figures=${policy.figures}
    />
    <${Preview} path=${path} number=${number} active=${policy.active} />
    <${Whole} document=${shown.document} figures=${policy.figures} />
  </section>`;
}
