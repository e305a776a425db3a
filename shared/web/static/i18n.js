// Words and numbers in the reader's language; the catalogues are the same JSON files that the server uses.

import { recall, remember } from "/static/session.js";

export const LANGUAGES = [
  { code: "en", tag: "en", name: "English", short: "EN" },
  { code: "zh", tag: "zh-CN", name: "中文", short: "中文" },
];

let words = {};
let language = LANGUAGES[0];
let plural = new Intl.PluralRules("en");
const missing = new Set();

function preferred() {
  const asked = new URLSearchParams(location.search).get("lang") || recall("language");
  const wished = asked || (navigator.languages || [navigator.language]).find((tag) => /^(en|zh)/.test(tag)) || "en";
  return LANGUAGES.find((entry) => wished.startsWith(entry.code)) || LANGUAGES[0];
}

async function load(entry) {
  const response = await fetch(`/static/i18n/${entry.code}.json`);
  if (!response.ok) throw new Error(`no catalogue for ${entry.code}: HTTP ${response.status}`);
  words = await response.json();
  language = entry;
  plural = new Intl.PluralRules(entry.tag);
  document.documentElement.lang = entry.tag;
}

export async function startLanguage() {
  await load(preferred());
}

export async function switchLanguage(code) {
  await load(LANGUAGES.find((entry) => entry.code === code));
  remember("language", code);
}

export function currentLanguage() {
  return language;
}

export function has(key) {
  return key in words;
}

// The text of a key, with {name} replaced; a `count` picks among `key.one` and `key.other`.
export function t(key, values = {}) {
  let text = words[key];
  if (text === undefined && "count" in values) {
    text = words[`${key}.${plural.select(values.count)}`] ?? words[`${key}.other`];
  }
  if (text === undefined) {
    if (!missing.has(key)) console.error(`no text for ${key}`);
    missing.add(key);
    return key;
  }
  return text.replace(/\{(\w+)\}/g, (_, name) => (name in values ? show(values[name]) : `{${name}}`));
}

function show(value) {
  return typeof value === "number" ? number(value) : String(value);
}

export function number(value, digits = 0) {
  return new Intl.NumberFormat(language.tag, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

export function percent(value, digits = 1) {
  return new Intl.NumberFormat(language.tag, {
    style: "percent",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

export function money(cents, currency) {
  return new Intl.NumberFormat(language.tag, { style: "currency", currency, currencyDisplay: "narrowSymbol" }).format(
    cents / 100,
  );
}

export function clockTime(moment, seconds = false) {
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (seconds) options.second = "2-digit";
  return new Intl.DateTimeFormat(language.tag, options).format(new Date(moment));
}

export function day(moment) {
  return new Intl.DateTimeFormat(language.tag, { weekday: "short", day: "numeric", month: "short" }).format(
    new Date(moment),
  );
}
