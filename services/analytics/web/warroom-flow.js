// The order flow of the last hour, minute by minute: a chart, and the same figures as a table.

import { useEffect, useRef, useState } from "/static/vendor/preact-hooks.module.js";
import { clockTime, number, t } from "/static/i18n.js";
import { html } from "/static/parts.js";

const HEIGHT = 236;

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

// A dashed line at the end of the last minute that is over: right of it the count is still growing.
function nowLine(plot) {
  const last = plot.data[0].length - 1;
  const x = Math.round(plot.valToPos(plot.data[0][last] - 30, "x", true));
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = colour("grey");
  ctx.setLineDash([4, 4]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

function options(width) {
  const bars = uPlot.paths.bars({ size: [0.72, 22], radius: 0.25 });
  const narrow = uPlot.paths.bars({ size: [0.3, 8], radius: 0.3 });
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [12, 8, 0, 0],
    hooks: { draw: [nowLine] },
    scales: { y: { range: (_, __, most) => [0, Math.max(4, Math.ceil(most * 1.15))] } },
    axes: [
      axis({ values: (_, splits) => splits.map((value) => clockTime(value * 1000)), grid: { show: false }, size: 30 }),
      axis({ incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500], size: 36, values: (_, splits) => splits.map((v) => number(v)) }),
    ],
    series: [
      {},
      { stroke: colour("blue"), fill: `${colour("blue")}59`, width: 1, paths: bars, points: { show: false } },
      { stroke: colour("green"), width: 2, paths: uPlot.paths.spline(), points: { show: false } },
      { stroke: colour("red"), fill: colour("red"), width: 1, paths: narrow, points: { show: false } },
    ],
  };
}

function columns(flow) {
  return [
    flow.map((entry) => entry.minute / 1000),
    flow.map((entry) => entry.placed),
    flow.map((entry) => entry.delivered),
    flow.map((entry) => entry.failed || null),
  ];
}

function Chart({ flow, look }) {
  const place = useRef(null);
  const plot = useRef(null);
  useEffect(() => {
    plot.current = new uPlot(options(place.current.clientWidth), columns(flow), place.current);
    const watcher = new ResizeObserver(([entry]) => {
      plot.current.setSize({ width: Math.floor(entry.contentRect.width), height: HEIGHT });
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
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("flow.title")}>
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
