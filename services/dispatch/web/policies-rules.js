// Areas and rules in the form of a policy: where, when, and which figures differ there.

import { useState } from "/static/vendor/preact-hooks.module.js";
import { t } from "/static/i18n.js";
import { html } from "/static/parts.js";
import { Figure, Text, Wrong } from "./policies-fields.js";
import { DAYS, figureName } from "./policies-words.js";

function lines(area) {
  return area.cells ? area.cells.join("\n") : (area.polygon ?? []).map((c) => `${c.lat}, ${c.lon}`).join("\n");
}

// One corner a line as `lat, lon`, or one cell a line; what is neither is sent as it is, and refused by the server.
function ground(text) {
  const rows = text.split("\n").map((row) => row.trim()).filter(Boolean);
  const cells = rows.length > 0 && rows.every((row) => /^[0-9a-f]+$/i.test(row));
  if (cells) return { cells: rows };
  const corner = (row) => {
    const [lat, lon] = row.split(/[,\s]+/).map(Number);
    return { lat, lon };
  };
  return { polygon: rows.map(corner) };
}

export function Area({ area, index, faults, onChange, onRemove }) {
  const [text, setText] = useState(lines(area));
  const way = `document.areas.${index}`;
  const wrong = faults.filter((fault) => fault.field === way || fault.field.match(`^${way}\\.(polygon|cells)`));
  const typed = (event) => {
    setText(event.target.value);
    onChange({ name: area.name, ...ground(event.target.value) });
  };
  return html`<fieldset class="area" data-index=${index}>
    <legend>${area.name || t("policies.areas.new")}</legend>
    <${Text} label=${t("policies.part.name")} value=${area.name} field=${`${way}.name`} faults=${faults} onChange=${(name) => onChange({ ...area, name })} />
    <label class="text" for=${`ground-${index}`}>
      <span class="name">${t("policies.areas.ground")}</span>
      <textarea
        id=${`ground-${index}`}
        rows="4"
        spellcheck="false"
        aria-invalid=${wrong.length ? "true" : undefined}
        aria-describedby=${wrong.length ? `ground-${index}-wrong` : undefined}
        onInput=${typed}
        value=${text}
      ></textarea>
      <${Wrong} id=${`ground-${index}-wrong`} faults=${wrong} />
    </label>
    <button type="button" class="quiet" onClick=${onRemove}>${t("policies.remove")}</button>
  </fieldset>`;
}

function Choices({ legend, options, chosen, name, onChange }) {
  const turn = (option) =>
    onChange(options.map(([value]) => value).filter((value) => (value === option) !== chosen.includes(value)));
  return html`<fieldset class="some">
    <legend>${legend}</legend>
    ${options.map(
      ([value, label]) => html`<label key=${value}>
        <input type="checkbox" name=${name} value=${value} checked=${chosen.includes(value)} onChange=${() => turn(value)} />
        ${label}
      </label>`,
    )}
  </fieldset>`;
}

function RuleFigures({ way, figures, somewhere, values, faults, onChange }) {
  const known = figures.filter((figure) => figure.by_rule);
  const set = known.filter((figure) => figure.figure in values);
  const rest = known.filter((figure) => !(figure.figure in values) && (figure.by_place || !somewhere));
  const add = (event) => {
    const figure = known.find((each) => each.figure === event.target.value);
    if (figure) onChange({ ...values, [figure.figure]: figure.base });
  };
  return html`<div class="grid">
    ${set.map(
      (figure) => html`<${Figure}
        key=${figure.figure}
        figure=${figure}
        value=${values[figure.figure]}
        way=${`${way}.values`}
        faults=${faults}
        onChange=${(value) => onChange({ ...values, [figure.figure]: value ?? "" })}
      />`,
    )}
    <label class="text">
      <span class="name">${t("policies.figure.add")}</span>
      <select value="" onChange=${add}>
        <option value="">…</option>
        ${rest.map((each) => html`<option key=${each.figure} value=${each.figure}>${figureName(each.figure)}</option>`)}
      </select>
    </label>
  </div>`;
}

export function Rule({ rule, index, areas, figures, faults, onChange, onRemove }) {
  const way = `document.rules.${index}`;
  const set = (part) => onChange({ ...rule, ...part });
  const loose = ["values", "days", "areas"].flatMap((part) =>
    faults.filter((fault) => fault.field === `${way}.${part}` || fault.field.match(`^${way}\\.${part}\\.\\d`)),
  );
  return html`<fieldset class="rule" data-index=${index}>
    <legend>${rule.name || t("policies.rules.new")}</legend>
    <div class="grid">
      <${Text} label=${t("policies.part.name")} value=${rule.name} field=${`${way}.name`} faults=${faults} onChange=${(name) => set({ name })} />
      <${Text} label=${t("policies.part.starts")} type="time" value=${rule.starts} field=${`${way}.starts`} faults=${faults} onChange=${(starts) => set({ starts })} />
      <${Text} label=${t("policies.part.ends")} type="time" value=${rule.ends} field=${`${way}.ends`} faults=${faults} onChange=${(ends) => set({ ends })} />
      <${Text}
        label=${t("policies.part.rank")}
        type="number"
        value=${rule.rank ?? ""}
        field=${`${way}.rank`}
        faults=${faults}
        onChange=${(rank) => set({ rank: rank === "" ? "" : Number(rank) })}
      />
    </div>
    <${Choices}
      legend=${t("policies.part.days")}
      name=${`days-${index}`}
      options=${DAYS.map((name) => [name, t(`policies.day.${name}`)])}
      chosen=${rule.days ?? []}
      onChange=${(days) => set({ days })}
    />
    ${areas.length > 0 &&
    html`<${Choices}
      legend=${t("policies.part.areas")}
      name=${`areas-${index}`}
      options=${areas.map((name) => [name, name])}
      chosen=${rule.areas ?? []}
      onChange=${(chosen) => set({ areas: chosen })}
    />`}
    <${RuleFigures} way=${way} figures=${figures} somewhere=${(rule.areas ?? []).length > 0} values=${rule.values} faults=${faults} onChange=${(values) => set({ values })} />
    <${Wrong} id=${`rule-${index}-wrong`} faults=${loose} />
    <button type="button" class="quiet" onClick=${onRemove}>${t("policies.remove")}</button>
  </fieldset>`;
}
