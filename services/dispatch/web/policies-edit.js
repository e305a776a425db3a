// Writing a new version: figures, areas and rules in a form, checked by the server before anything is kept.

import { useEffect, useRef, useState } from "/static/vendor/preact-hooks.module.js";
import { Failure, useCommand } from "/static/command.js";
import { t } from "/static/i18n.js";
import { html } from "/static/parts.js";
import { Area, Rule } from "./policies-rules.js";
import { Figure, Faults } from "./policies-fields.js";
import { Changes } from "./policies-versions.js";
import { KINDS, versionName } from "./policies-words.js";

function without(list, index) {
  return list.filter((_, each) => each !== index);
}

function replaced(list, index, value) {
  return list.map((each, place) => (place === index ? value : each));
}

function Defaults({ figures, values, faults, onChange }) {
  return KINDS.map((kind) => {
    const here = figures.filter((each) => each.kind === kind);
    return (
      here.length > 0 &&
      html`<fieldset key=${kind}>
        <legend>${t(`policies.kind.${kind}`)}</legend>
        <div class="grid">
          ${here.map(
            (figure) => html`<${Figure}
              key=${figure.figure}
              figure=${figure}
              value=${values[figure.figure]}
              way="document.defaults"
              faults=${faults}
              onChange=${(value) => onChange({ ...values, [figure.figure]: value })}
            />`,
          )}
        </div>
      </fieldset>`
    );
  });
}

function Verdict({ verdict, figures }) {
  const at = useRef(null);
  useEffect(() => {
    at.current?.focus();
  }, [verdict]);
  return html`<section ref=${at} tabindex="-1" class="verdict" data-valid=${verdict.valid ? "true" : "false"} role="status">
    <h3>${verdict.valid ? t("policies.valid") : t("policies.faulty", { count: verdict.faults.length })}</h3>
    ${verdict.valid ? html`<${Changes} changes=${verdict.changes} figures=${figures} />` : html`<${Faults} faults=${verdict.faults} />`}
  </section>`;
}

function Saving({ path, version, document, onSaved, onRefused }) {
  const [reason, setReason] = useState("");
  const command = useCommand(`${path}/versions`, onSaved, { version, onRefused });
  const save = (event) => {
    event.preventDefault();
    command.run({ document, reason });
  };
  return html`<form class="saving" onSubmit=${save}>
    <label
      >${t("policies.why")}
      <input
        type="text"
        required
        minlength="3"
        maxlength="300"
        autocomplete="off"
        value=${reason}
        onInput=${(event) => setReason(event.target.value)}
      />
    </label>
    <button type="submit" class="primary" disabled=${command.sending}>${t("policies.save")}</button>
    <${Failure} text=${command.failure} />
  </form>`;
}

// What the form holds, as the server takes it: empty figures and empty parts are left out.
function written(form) {
  const values = (given) =>
    Object.fromEntries(Object.entries(given).filter(([, value]) => value !== "" && value !== undefined));
  const rules = form.rules.map((rule) => {
    const kept = Object.entries(rule).filter(([name, value]) => value !== "" && !(name !== "values" && value?.length === 0));
    return { ...Object.fromEntries(kept), values: values(rule.values) };
  });
  return { ...form, defaults: values(form.defaults), rules };
}

export function Editor({ path, policy, start, onSaved, onLeave }) {
  const [form, setForm] = useState(start.document);
  const [verdict, setVerdict] = useState(null);
  const title = useRef(null);
  const check = useCommand(`${path}/validate`, setVerdict);
  useEffect(() => title.current.focus(), []);
  const change = (part) => {
    setForm((known) => ({ ...known, ...part }));
    setVerdict(null);
  };
  const faults = verdict && !verdict.valid ? verdict.faults : [];
  const refused = (problem) =>
    problem.document.errors && setVerdict({ valid: false, faults: problem.document.errors, changes: [] });
  const document = written(form);
  const areas = form.areas.map((area) => area.name).filter(Boolean);
  return html`<section class="editor panel" aria-labelledby="editor">
    <div class="heading">
      <h2 id="editor" ref=${title} tabindex="-1">${t("policies.new", { version: versionName(start.from) })}</h2>
      <button type="button" class="quiet" onClick=${onLeave}>${t("policies.leave")}</button>
    </div>
    <h3>${t("policies.defaults")}</h3>
    <p class="none">${t("policies.defaults.text")}</p>
    <${Defaults} figures=${policy.figures} values=${form.defaults} faults=${faults} onChange=${(defaults) => change({ defaults })} />
    <h3>${t("policies.areas")}</h3>
    ${form.areas.map(
      (area, index) => html`<${Area}
        key=${index}
        area=${area}
        index=${index}
        faults=${faults}
        onChange=${(value) => change({ areas: replaced(form.areas, index, value) })}
        onRemove=${() => change({ areas: without(form.areas, index) })}
      />`,
    )}
    <button type="button" class="quiet" onClick=${() => change({ areas: [...form.areas, { name: "", polygon: [] }] })}>
      ${t("policies.areas.add")}
    </button>
    <h3>${t("policies.rules")}</h3>
    <p class="none">${t("policies.rules.text", { zone: form.time_zone })}</p>
    ${form.rules.map(
      (rule, index) => html`<${Rule}
        key=${index}
        rule=${rule}
        index=${index}
        areas=${areas}
        figures=${policy.figures}
        faults=${faults}
        onChange=${(value) => change({ rules: replaced(form.rules, index, value) })}
        onRemove=${() => change({ rules: without(form.rules, index) })}
      />`,
    )}
    <button type="button" class="quiet" onClick=${() => change({ rules: [...form.rules, { name: "", values: {} }] })}>
      ${t("policies.rules.add")}
    </button>
    <div class="checking">
      <button type="button" class="primary" disabled=${check.sending} onClick=${() => check.run({ document })}>
        ${t("policies.check")}
      </button>
      <${Failure} text=${check.failure} />
    </div>
    ${verdict && html`<${Verdict} verdict=${verdict} figures=${policy.figures} />`}
    ${verdict?.valid &&
    html`<${Saving} path=${path} version=${policy.version} document=${document} onSaved=${onSaved} onRefused=${refused} />`}
  </section>`;
}
