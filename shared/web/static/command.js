// One command of a page: sent once however often it is pressed, and said aloud when it fails.

import { useRef, useState } from "/static/vendor/preact-hooks.module.js";
import { t } from "/static/i18n.js";
import { html } from "/static/parts.js";
import { Problem, freshKey, send } from "/static/session.js";

// Pressed again after a lost answer it is the same command, by its key; `onDone` gets the answer, `onRefused` the
// problem. `version` is what the page shows, where two people may change the same thing.
export function useCommand(path, onDone, { version = null, onRefused = null } = {}) {
  const [state, setState] = useState({ sending: false, failure: null, done: false });
  const key = useRef(null);
  const run = async (body) => {
    key.current ??= freshKey();
    setState({ sending: true, failure: null, done: false });
    try {
      const answer = await send(path, body, key.current, version);
      key.current = null;
      setState({ sending: false, failure: null, done: true });
      onDone?.(answer);
    } catch (error) {
      const refused = error instanceof Problem;
      if (refused) key.current = null;
      const failure = refused ? t("failed.busy", { reason: error.message }) : t("failed.offline");
      setState({ sending: false, failure, done: false });
      if (refused) onRefused?.(error);
    }
  };
  return { ...state, run };
}

export function Failure({ text }) {
  return text && html`<p class="failure" role="alert">${text}</p>`;
}
