// How a policy is told in words: its figures, where and when its rules hold, and what differs between two versions.

import { currentLanguage, day, clockTime, has, number, t } from "/static/i18n.js";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
export const KINDS = ["wait", "radius", "cap", "weight", "speed", "pay"];

export function figureName(figure) {
  return has(`policies.figure.${figure}`) ? t(`policies.figure.${figure}`) : figure;
}

export function figureText(value, unit) {
  const digits = Number.isInteger(value) ? 0 : 2;
  return t(`policies.unit.${unit}`, { value: number(value, digits) });
}

export function versionName(version) {
  return version === 0 ? t("policies.base") : t("policies.version", { number: version });
}

export function moment(value) {
  return `${day(value)} ${clockTime(value)}`;
}

export function whoSays(actor) {
  return actor ? actor.split(":").slice(1).join(":") : "";
}

export function placesText(rule) {
  return rule.areas?.length ? rule.areas.join(", ") : t("policies.everywhere");
}

export function timesText(rule) {
  const days = rule.days?.length ? rule.days.map((name) => t(`policies.day.${name}`)).join(" ") : t("policies.everyDay");
  const hours = rule.starts || rule.ends ? `${rule.starts ?? "00:00"}–${rule.ends ?? "24:00"}` : t("policies.allDay");
  return `${days} · ${hours}`;
}

// The last word of a field that a fault or a change names: a figure by its name, else what part of a rule it is.
export function fieldText(field) {
  const parts = field.replace(/^document\.?/, "").split(".");
  const [head, name] = parts;
  const last = parts.at(-1);
  if (head === "defaults") return figureName(last);
  const part = has(`policies.part.${last}`) ? t(`policies.part.${last}`) : figureName(last);
  if (head === "rules") return `${t("policies.ruleNamed", { name: nameOf(name) })}: ${part}`;
  if (head === "areas") return t("policies.areaNamed", { name: nameOf(name) });
  return has(`policies.part.${head}`) ? t(`policies.part.${head}`) : field;
}

function nameOf(name) {
  return /^\d+$/.test(name) ? number(Number(name) + 1) : name;
}

export function faultText(fault) {
  const known = currentLanguage().code !== "en" && has(`policies.fault.${fault.code}`);
  if (!known) return fault.detail;
  // Which two figures contradict is in the detail alone.
  const which = fault.code === "contradiction" ? ` ${fault.detail}` : "";
  return t(`policies.fault.${fault.code}`) + which;
}

export function changeText(change, value, figures) {
  if (value === null || value === undefined) return t("policies.absent");
  const figure = figures.find((each) => each.figure === change.field.split(".").at(-1));
  if (typeof value === "number") return figureText(value, figure?.unit ?? "count");
  if (Array.isArray(value)) return value.map(placeText).join(", ");
  if (value === "everywhere") return t("policies.everywhere");
  if (value === "every day") return t("policies.everyDay");
  if (value === "all day") return t("policies.allDay");
  return String(value);
}

function placeText(each) {
  if (DAYS.includes(each)) return t(`policies.day.${each}`);
  return typeof each === "object" ? `${each.lat} ${each.lon}` : String(each);
}
