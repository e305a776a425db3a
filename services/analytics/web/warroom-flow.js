// The order flow of the last hour, minute by minute: a chart, and the same figures as a table.

import { useEffect, useRef, useState } from "/static/vendor/preact-hooks.module.js";
import { clockTime, number, t } from "/static/i18n.js";
import { html } from "/static/parts.js";

const LEAST_HEIGHT = 200;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function axis(extra) {
  return {
    stroke: colour("muted"),
    font: '11px "Inter", "Noto Sans CJK SC", sans-serif',
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
    ...extra,
  };
}

// What comes in stands on the line, what goes out hangs below it; a dashed line closes the last full minute.
function overlay(plot) {
  const { ctx, bbox } = plot;
  const last = plot.data[0].length - 1;
  const x = Math.round(plot.valToPos(plot.data[0][last] - 30, "x", true));
  const zero = Math.round(plot.valToPos(0, "y", true));
  ctx.save();
  ctx.strokeStyle = colour("grey");
  ctx.beginPath();
  ctx.moveTo(bbox.left, zero);
  ctx.lineTo(bbox.left + bbox.width, zero);
  ctx.stroke();
  ctx.setLineDash([4, 4]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

function evenRange(_, least, most) {
  const reach = Math.max(3, Math.ceil(most), Math.ceil(-least));
  return [-reach, reach];
}

function bars(name, radius) {
  return {
    stroke: colour(`${name}-fill`),
    fill: colour(`${name}-fill`),
    width: 0,
    paths: uPlot.paths.bars({ size: [0.68, 18], radius }),
    points: { show: false },
  };
}

function options(place) {
  return {
    width: place.clientWidth,
    height: Math.max(LEAST_HEIGHT, place.clientHeight),
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 4, 0, 0],
    hooks: { draw: [overlay] },
    scales: { x: { range: (_, first, last) => [first - 45, last + 45] }, y: { range: evenRange } },
    axes: [
      axis({ values: (_, splits) => splits.map((value) => clockTime(value * 1000)), grid: { show: false }, size: 28 }),
      axis({
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500],
        size: 32,
        values: (_, splits) => splits.map((value) => number(Math.abs(value))),
      }),
    ],
    series: [{}, bars("blue", 0.25), bars("red", 0.25), bars("green", 0.25)],
  };
}

// Failed hangs below delivered: the bar of both together is drawn first, the one of delivered over it.
function columns(flow) {
  return [
    flow.map((entry) => entry.minute / 1000),
    flow.map((entry) => entry.placed || null),
    flow.map((entry) => (entry.failed ? -entry.failed - entry.delivered : null)),
    flow.map((entry) => -entry.delivered || null),
  ];
}

function Chart({ flow, look }) {
  const place = useRef(null);
  const plot = useRef(null);
  useEffect(() => {
    plot.current = new uPlot(options(place.current), columns(flow), place.current);
    const watcher = new ResizeObserver(([entry]) => {
      const { width, height } = entry.contentRect;
      plot.current.setSize({ width: Math.floor(width), height: Math.max(LEAST_HEIGHT, Math.floor(height)) });
    });
    watcher.observe(place.current);
    return () => {
      watcher.disconnect();
      plot.current.destroy();
    };
  }, [look]);
  useEffect(() => plot.current?.setData(columns(flow)), [flow]);
  return html`<div class="flow-chart" ref=${place} aria-hidden="true"></div>`;
}

function Table({ flow }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${`${t("flow.title")} – ${t("common.asTable")}`}>
    <table class="plain">
      <caption class="visually-hidden">${t("flow.title")}</caption>
      <thead>
        <tr>
          <th scope="col">${t("flow.minute")}</th>
          <th scope="col">${t("flow.placed")}</th>
          <th scope="col">${t("flow.delivered")}</th>
          <th scope="col">${t("flow.failed")}</th>
        </tr>
      </thead>
      <tbody>
        ${[...flow].reverse().map(
          (entry) => html`<tr key=${entry.minute}>
            <th scope="row"><time>${clockTime(entry.minute)}</time></th>
            <td class="number">${number(entry.placed)}</td>
            <td class="number">${number(entry.delivered)}</td>
            <td class="number">${number(entry.failed)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

export function Flow({ flow, look }) {
  const [asTable, setAsTable] = useState(false);
  const sum = (field) => flow.reduce((total, entry) => total + entry[field], 0);
  return html`<section class="panel flow" aria-labelledby="flow-title">
    <header>
      <h2 id="flow-title">${t("flow.title")}</h2>
      <ul class="legend">
        ${["placed", "delivered", "failed"].map(
          (field) => html`<li key=${field} data-series=${field}>
            <i aria-hidden="true"></i>${t(`flow.${field}`)} <b class="number">${number(sum(field))}</b>
          </li>`,
        )}
      </ul>
      <button type="button" class="icon-button" aria-pressed=${asTable ? "true" : "false"} onClick=${() => setAsTable(!asTable)}>
        ${t("common.asTable")}
      </button>
    </header>
    ${asTable ? html`<${Table} flow=${flow} />` : html`<${Chart} flow=${flow} look=${look} />`}
  </section>`;
}
