// What a customer can do about an order: cancel it, say that it has come.

import { useRef } from "/static/vendor/preact-hooks.module.js";
import { Failure, useCommand } from "/static/command.js";
import { t } from "/static/i18n.js";
import { html } from "/static/parts.js";

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
