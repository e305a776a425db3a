// The war room: holds the board, keeps it live, and lays out its panels.

import { render } from "/static/vendor/preact.module.js";
import { useEffect, useMemo, useReducer, useRef, useState } from "/static/vendor/preact-hooks.module.js";
import { PlatformClock } from "/static/clock.js";
import { clockTime, day, number, startLanguage, t } from "/static/i18n.js";
import { LiveStream } from "/static/live.js";
import { Brand, Freshness, LanguageSwitch, StaleBanner, ThemeSwitch, applyTheme, html, useTick } from "/static/parts.js";
import { token } from "/static/session.js";
import { flowWindow, redFlags, reduce } from "./warroom-board.js";
import { Flow } from "./warroom-flow.js";
import { Feed, Kinds, Kpis, RedFlags, Riders, States } from "./warroom-panels.js";

const clock = new PlatformClock();
const SPOKEN_EVERY_MS = 15_000;
const MINUTE_MS = 60_000;

// The newest board, the one on show (older while paused), and the state of the connection.
function useBoard(paused) {
  const latest = useRef(null);
  const [state, setState] = useState("connecting");
  const [, redraw] = useReducer((count) => count + 1, 0);
  const held = useRef(null);
  useEffect(() => {
    const stream = new LiveStream({
      url: "/v1/board/live",
      token: token(),
      onState: setState,
      onEvent: ({ event, data }) => {
        if (data.server_time) clock.set(data.server_time, data.clock_speed ?? 1);
        const next = reduce(latest.current, event, data);
        if (next === null) return false;
        if (next !== latest.current) {
          latest.current = next;
          redraw();
        }
        return true;
      },
    });
    return () => stream.close();
  }, []);
  if (!paused || held.current === null) held.current = latest.current;
  const waiting = paused && latest.current ? latest.current.position - held.current.position : 0;
  return { board: held.current, state, waiting };
}

function Clock() {
  useTick(250);
  const now = clock.now();
  return html`<div class="clock">
    <time class="number">${clockTime(now, true)}</time>
    <span>${day(now)}</span>
    ${clock.speed !== 1 && html`<span class="speed number" title=${t("clock.speed")}>×${number(clock.speed)}</span>`}
  </div>`;
}

function PauseButton({ paused, waiting, onClick }) {
  const text = paused ? t("live.resume", { count: waiting }) : t("live.pause");
  return html`<button type="button" class="icon-button pause" aria-label=${text} aria-pressed=${paused ? "true" : "false"} onClick=${onClick}>
    <svg viewBox="0 0 20 20" width="16" height="16" aria-hidden="true">
      ${paused ? html`<path d="M6 4v12l10-6Z" />` : html`<path d="M7 4.5v11M13 4.5v11" />`}
    </svg>
    <span>${text}</span>
  </button>`;
}

function spoken(board) {
  const flags = redFlags(board, clock.now());
  const failed = flags.filter((red) => red.failed).length;
  return t("spoken.situation", { open: board.orders.size, late: flags.length - failed, failed });
}

// What a screen reader is told, at most every fifteen seconds and only when it changed.
function Spoken({ board }) {
  const newest = useRef(board);
  newest.current = board;
  const [text, setText] = useState("");
  useEffect(() => {
    const timer = setInterval(() => newest.current && setText(spoken(newest.current)), SPOKEN_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return html`<p class="visually-hidden" aria-live="polite">${text}</p>`;
}

function Panels({ board, now, look }) {
  const minute = Math.floor(now / MINUTE_MS);
  const flow = useMemo(() => flowWindow(board, now), [board, minute]);
  return html`
    <${Kpis} kpis=${board.kpis} />
    <div class="grid-panels">
      <${Flow} flow=${flow} look=${look} />
      <${Kinds} kinds=${board.kinds} />
      <${States} counts=${board.states} />
      <${RedFlags} flags=${redFlags(board, now)} />
      <${Riders} riders=${board.riders} />
      <${Feed} feed=${board.feed} />
    </div>
  `;
}

function WarRoom() {
  const [paused, setPaused] = useState(false);
  const [look, setLook] = useState(0);
  const pausedAt = useRef(0);
  const { board, state, waiting } = useBoard(paused);
  useTick(1000);
  const renew = () => setLook((count) => count + 1);
  const pause = () => {
    pausedAt.current = clock.now();
    setPaused(!paused);
  };
  useEffect(() => {
    document.title = `${t("warroom.title")} · Doorstep`;
  });
  return html`
    <a class="skip-link" href="#board">${t("common.skip")}</a>
    <header class="top">
      <${Brand} title=${t("warroom.title")} />
      <${Freshness} state=${state} paused=${paused} />
      <${Clock} />
      <div class="controls">
        <${PauseButton} paused=${paused} waiting=${waiting} onClick=${pause} />
        <${ThemeSwitch} onChange=${renew} />
        <${LanguageSwitch} onChange=${renew} />
      </div>
    </header>
    <main id="board" tabindex="-1">
      <h1 class="visually-hidden">${t("warroom.title")}</h1>
      <${StaleBanner} state=${state} />
      ${board
        ? html`<${Panels} board=${board} now=${paused ? pausedAt.current : clock.now()} look=${look} />`
        : state === "connecting" && html`<p class="calm">${t("live.connecting")}</p>`}
      ${board && html`<${Spoken} board=${board} />`}
      <p class="foot">${t("warroom.foot")}</p>
    </main>
  `;
}

applyTheme("dark");
await startLanguage();
render(html`<${WarRoom} />`, document.getElementById("page"));
