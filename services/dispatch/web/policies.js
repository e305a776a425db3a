// The operators' page of dispatch's policy: what holds, every version of it, what differs, and how it is changed.

import { render } from "/static/vendor/preact.module.js";
import { useEffect, useState } from "/static/vendor/preact-hooks.module.js";
import { startLanguage, t } from "/static/i18n.js";
import { Brand, Freshness, LanguageSwitch, StaleBanner, ThemeSwitch, applyTheme, html } from "/static/parts.js";
import { Problem, read } from "/static/session.js";
import { Editor } from "./policies-edit.js";
import { AskWhy } from "./policies-doing.js";
import { Audit, Detail, Versions } from "./policies-versions.js";
import { moment, versionName } from "./policies-words.js";

const PATH = "/v1/policies/dispatch";
const LOOK_EVERY_MS = 2000;
const REFUSED = { 401: "denied", 403: "denied", 404: "missing" };

function usePolicy() {
  const [policy, setPolicy] = useState(null);
  const [state, setState] = useState("connecting");
  const look = async () => {
    try {
      setPolicy(await read(PATH));
      setState("live");
    } catch (error) {
      setState((error instanceof Problem && REFUSED[error.status]) || "reconnecting");
    }
  };
  useEffect(() => {
    look();
    const timer = setInterval(look, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return { policy, state, look };
}

function useVersions(version) {
  const [list, setList] = useState([]);
  const [more, setMore] = useState(null);
  const load = async (cursor) => {
    const page = await read(`${PATH}/versions?limit=30${cursor ? `&cursor=${cursor}` : ""}`);
    setList((known) => (cursor ? [...known, ...page.items] : page.items));
    setMore(page.next);
  };
  useEffect(() => {
    if (version !== undefined) load(null).catch(() => {});
  }, [version]);
  return { list, more, loadMore: () => load(more).catch(() => {}) };
}

function InForce({ policy, onDone }) {
  const scheduled = policy.scheduled;
  return html`<section class="in-force" aria-labelledby="in-force">
    <div>
      <h2 id="in-force">${t("policies.inForce")}</h2>
      <p class="which" role="status" data-active=${policy.active}>${versionName(policy.active)}</p>
      <p class="since">
        ${policy.active_since ? t("policies.since", { time: moment(policy.active_since) }) : t("policies.fromSettings")}
      </p>
    </div>
    ${policy.back_to !== null &&
    html`<${AskWhy}
      path=${`${PATH}/rollback`}
      version=${policy.version}
      label=${t("policies.rollBack", { version: versionName(policy.back_to) })}
      question=${t("policies.rollBack.question", { version: versionName(policy.back_to) })}
      kind="danger"
      onDone=${onDone}
    />`}
    ${scheduled &&
    html`<div class="scheduled" data-scheduled=${scheduled.number}>
      <p>${t("policies.scheduled", { version: versionName(scheduled.number), time: moment(scheduled.activate_at) })}</p>
      <${AskWhy}
        path=${`${PATH}/unschedule`}
        version=${policy.version}
        label=${t("policies.unschedule")}
        question=${t("policies.unschedule.question")}
        onDone=${onDone}
      />
    </div>`}
  </section>`;
}

function Desk({ policy, look }) {
  const [chosen, choose] = useState(null);
  const [draft, setDraft] = useState(null);
  const { list, more, loadMore } = useVersions(policy.version);
  const shown = list.find((each) => each.number === (chosen ?? policy.active));
  const edit = (document, from) => setDraft({ document: structuredClone(document), from });
  const saved = (version) => {
    setDraft(null);
    choose(version.number);
    look();
  };
  if (draft) {
    return html`<${Editor} path=${PATH} policy=${policy} start=${draft} onSaved=${saved} onLeave=${() => setDraft(null)} />`;
  }
  return html`<${InForce} policy=${policy} onDone=${look} />
    <div class="columns">
      <${Versions} list=${list} chosen=${shown?.number} more=${more} onMore=${loadMore} onChoose=${choose} />
      ${shown &&
      html`<${Detail}
        key=${shown.number}
        path=${PATH}
        policy=${policy}
        shown=${shown}
        onEdit=${() => edit(shown.document, shown.number)}
        onDone=${look}
      />`}
    </div>
    <${Audit} path=${PATH} version=${policy.version} />`;
}

function Page() {
  const { policy, state, look } = usePolicy();
  const [, renew] = useState(0);
  useEffect(() => {
    document.title = `${t("policies.title")} · Doorstep`;
  });
  return html`
    <a class="skip-link" href="#policies">${t("common.skip")}</a>
    <header class="top">
      <${Brand} title=${t("policies.title")} />
      <div class="tools">
        <${Freshness} state=${state} />
        <${ThemeSwitch} />
        <${LanguageSwitch} onChange=${() => renew((count) => count + 1)} />
      </div>
    </header>
    <main id="policies" tabindex="-1">
      <h1 class="visually-hidden">${t("policies.title")}</h1>
      <${StaleBanner} state=${state} />
      ${policy
        ? html`<${Desk} policy=${policy} look=${look} />`
        : state === "connecting" && html`<p class="none">${t("live.connecting")}</p>`}
    </main>
  `;
}

applyTheme(null);
await startLanguage();
render(html`<${Page} />`, document.getElementById("page"));
