// The fields of a policy's form, each with what is wrong with it.

import { t } from "/static/i18n.js";
import { html } from "/static/parts.js";
import { faultText, fieldText, figureName, figureText } from "./policies-words.js";

export function faultsAt(faults, field) {
  return faults.filter((fault) => fault.field === field);
}

export function Wrong({ id, faults }) {
  return faults.length > 0 && html`<span class="wrong" id=${id}>${faults.map(faultText).join(" ")}</span>`;
}

export function Figure({ figure, value, way, faults, onChange }) {
  const id = `${way}.${figure.figure}`.replaceAll(".", "-");
  const wrong = faultsAt(faults, `${way}.${figure.figure}`);
  const typed = (event) => {
    const text = event.target.value;
    onChange(text === "" ? undefined : Number(text));
  };
  return html`<label class="figure" for=${id}>
    <span class="name">${figureName(figure.figure)}</span>
    <span class="hint">
      ${t("policies.range", { low: figureText(figure.low, figure.unit), high: figureText(figure.high, figure.unit) })}
    </span>
    <input
      id=${id}
      name=${figure.figure}
      type="number"
      inputmode="decimal"
      step=${figure.whole ? "1" : "any"}
      placeholder=${t("policies.settingsSay", { value: figureText(figure.base, figure.unit) })}
      value=${value ?? ""}
      aria-invalid=${wrong.length ? "true" : undefined}
      aria-describedby=${wrong.length ? `${id}-wrong` : undefined}
      onInput=${typed}
    />
    <${Wrong} id=${`${id}-wrong`} faults=${wrong} />
  </label>`;
}

export function Text({ label, value, field, faults, type = "text", onChange }) {
  const id = field.replaceAll(".", "-");
  const wrong = faultsAt(faults, field);
  return html`<label class="text" for=${id}>
    <span class="name">${label}</span>
    <input
      id=${id}
      type=${type}
      autocomplete="off"
      value=${value ?? ""}
      aria-invalid=${wrong.length ? "true" : undefined}
      aria-describedby=${wrong.length ? `${id}-wrong` : undefined}
      onInput=${(event) => onChange(event.target.value)}
    />
    <${Wrong} id=${`${id}-wrong`} faults=${wrong} />
  </label>`;
}

export function Faults({ faults }) {
  return html`<ul class="faults">
    ${faults.map(
      (fault, index) => html`<li key=${index} data-code=${fault.code}>
        <strong>${fieldText(fault.field)}</strong> ${faultText(fault)}
      </li>`,
    )}
  </ul>`;
}
