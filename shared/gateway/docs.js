// Filters the routes as one types, and opens the schema that a link leads to.
const filter = document.getElementById("filter");
const entries = [...document.querySelectorAll("[data-find]")];
const sections = [...document.querySelectorAll("nav section, main section.tag:not(.schemas)")];
filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const entry of entries) entry.hidden = !words.every((word) => entry.dataset.find.includes(word));
  for (const section of sections) section.hidden = !section.querySelector("[data-find]:not([hidden])");
  scrollTo({ top: 0, behavior: "instant" });
  document.getElementById("none").hidden = entries.some((entry) => !entry.hidden);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== filter) { event.preventDefault(); filter.focus(); }
});
const open = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.tagName === "DETAILS") target.open = true;
};
addEventListener("hashchange", open);
open();
