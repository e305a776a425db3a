// Parts that every page shows: how fresh it is, in which language, in which light.

import { h } from "/static/vendor/preact.module.js";
import { useEffect, useReducer, useState } from "/static/vendor/preact-hooks.module.js";
import htm from "/static/vendor/htm.module.js";
import { LANGUAGES, currentLanguage, switchLanguage, t } from "/static/i18n.js";
import { recall, remember } from "/static/session.js";

export const html = htm.bind(h);

export function shortId(id) {
  return id ? id.slice(-5).toUpperCase() : "";
}

// Draws again every `ms`, for whatever depends on the clock.
export function useTick(ms) {
  const [, tick] = useReducer((count) => count + 1, 0);
  useEffect(() => {
    const timer = setInterval(tick, ms);
    return () => clearInterval(timer);
  }, [ms]);
}

export function Brand({ title }) {
  return html`<div class="brand">
    <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect class="brand-tile" width="32" height="32" rx="8" />
      <path class="brand-line" d="M8 15.5 16 8l8 7.5M10.5 14v10h11V14" />
      <path class="brand-door" d="M14 24v-6h4v6" />
    </svg>
    <span class="brand-name">Doorstep</span>
    ${title && html`<span class="brand-title">${title}</span>`}
  </div>`;
}

export function LanguageSwitch({ onChange }) {
  const now = currentLanguage().code;
  const choose = async (code) => {
    await switchLanguage(code);
    onChange();
  };
  return html`<div class="switch" role="group" aria-label=${t("common.language")}>
    ${LANGUAGES.map(
      (entry) => html`<button
        type="button"
        key=${entry.code}
        lang=${entry.tag}
        title=${entry.name}
        aria-pressed=${entry.code === now ? "true" : "false"}
        onClick=${() => choose(entry.code)}
      >
        ${entry.short}
      </button>`,
    )}
  </div>`;
}

// Light or dark: as chosen before, else the page's own default, else the system's.
export function applyTheme(fallback) {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.theme = recall("theme") || fallback || system;
}

export function ThemeSwitch({ onChange }) {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme);
  const next = theme === "dark" ? "light" : "dark";
  const turn = () => {
    document.documentElement.dataset.theme = next;
    remember("theme", next);
    setTheme(next);
    onChange?.(next);
  };
  return html`<button type="button" class="icon-button" onClick=${turn} aria-label=${t(`common.theme.${next}`)} title=${t(`common.theme.${next}`)}>
    <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
      ${theme === "dark"
        ? html`<circle cx="10" cy="10" r="3.4" /><path d="M10 1.8v2.4M10 15.8v2.4M1.8 10h2.4M15.8 10h2.4M4.2 4.2l1.7 1.7M14.1 14.1l1.7 1.7M4.2 15.8l1.7-1.7M14.1 5.9l1.7-1.7" />`
        : html`<path d="M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7Z" />`}
    </svg>
  </button>`;
}

// The dot beside the brand: live, or what else.
export function Freshness({ state, paused }) {
  const shown = paused && state === "live" ? "paused" : state;
  return html`<span class="freshness" data-state=${shown} role="status">
    <i aria-hidden="true"></i>${t(`live.${shown}`)}
  </span>`;
}

// A value that has lasted `ms`; a reconnection that takes a blink is not worth a banner.
function useSettled(value, ms) {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

const BANNER_AFTER_MS = 1200;

// Says aloud that what is shown may be old; absent while all is well.
export function StaleBanner({ state, since }) {
  const behind = state === "reconnecting" || state === "stale";
  const worthSaying = useSettled(behind, BANNER_AFTER_MS);
  if (state === "live" || state === "connecting" || (behind && !worthSaying)) return null;
  const kind = state === "denied" || state === "missing" ? state : "behind";
  return html`<div class="banner" data-kind=${kind} role="alert">
    <strong>${t(`banner.${kind}.title`)}</strong>
    <span>${t(`banner.${kind}.text`, { since })}</span>
  </div>`;
}
