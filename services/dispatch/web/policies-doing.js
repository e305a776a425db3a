// What is done to a policy: each thing asks why, and is refused when somebody else was quicker.

import { useRef, useState } from "/static/vendor/preact-hooks.module.js";
import { Failure, useCommand } from "/static/command.js";
import { t } from "/static/i18n.js";
import { html } from "/static/parts.js";

let questions = 0;

export function AskWhy({ path, version, label, question, kind = "quiet", withTime = false, onDone }) {
  const dialog = useRef(null);
  const id = useRef(`why-${(questions += 1)}`);
  const [reason, setReason] = useState("");
  const [at, setAt] = useState("");
  const command = useCommand(
    path,
    (answer) => {
      dialog.current.close();
      setReason("");
      setAt("");
      onDone(answer);
    },
    { version },
  );
  const submit = (event) => {
    event.preventDefault();
    command.run({ reason, ...(at && { at: new Date(at).toISOString() }) });
  };
  return html`<button type="button" class=${kind} onClick=${() => dialog.current.showModal()}>${label}</button>
    <dialog ref=${dialog} class="question" aria-labelledby=${id.current}>
      <form onSubmit=${submit}>
        <h2 id=${id.current}>${question}</h2>
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
        ${withTime &&
        html`<label
          >${t("policies.when")}
          <input type="datetime-local" required value=${at} onInput=${(event) => setAt(event.target.value)} />
        </label>`}
        <${Failure} text=${command.failure} />
        <div class="choices">
          <button type="button" class="quiet" onClick=${() => dialog.current.close()}>${t("policies.back")}</button>
          <button type="submit" class=${kind === "danger" ? "danger" : "primary"} disabled=${command.sending}>
            ${t("policies.do")}
          </button>
        </div>
      </form>
    </dialog>`;
}
