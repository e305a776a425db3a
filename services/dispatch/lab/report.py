"""A comparison as one page that needs no network: sentences, tables and charts, in English and Chinese."""

import json
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from services.dispatch.domain.policies.document import as_json
from services.dispatch.lab import charts
from services.dispatch.lab.charts import both
from services.dispatch.lab.comparing import Comparison, DayResult, Difference, OrderResult, total_speed
from services.dispatch.lab.kpis import BY_NAME, KPIS, Kpi
from services.dispatch.lab.telling import figure, interval, name_of, sentence
from shared.web.words import LANGUAGES

_LOOK = Path(__file__).resolve().parents[3] / "shared" / "web" / "static" / "base.css"
_OWN = Path(__file__).with_name("report.css")
_SCRIPT = """
const root = document.documentElement;
root.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
function speak(language) {
  root.dataset.lang = language;
  root.lang = language === "zh" ? "zh-Hans" : "en";
  for (const button of document.querySelectorAll("button[data-speak]"))
    button.setAttribute("aria-pressed", String(button.dataset.speak === language));
}
for (const button of document.querySelectorAll("button[data-speak]"))
  button.addEventListener("click", () => speak(button.dataset.speak));
speak(navigator.language.startsWith("zh") ? "zh" : "en");
"""


def page(comparison: Comparison) -> str:
    """The whole page."""
    parts = "".join(
        (
            _head(comparison),
            "<main>",
            _verdicts(comparison),
            _intervals(comparison),
            _kpis(comparison),
            '<div class="two">',
            _distribution(comparison),
            _hours(comparison),
            "</div>",
            _maps(comparison),
            _runs(comparison),
            _documents(comparison),
            "</main>",
        )
    )
    return (
        '<!doctype html><html lang="en" data-lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Doorstep – policy lab</title>'
        f"<style>{_tokens()}{_OWN.read_text(encoding='utf-8')}</style></head><body>{parts}"
        f"<script>{_SCRIPT}</script></body></html>\n"
    )


def _tokens() -> str:
    """The house's colours: the rules of its stylesheet before the one for the page itself."""
    css = _LOOK.read_text(encoding="utf-8")
    return css[css.index(":root") : css.index("\nhtml {")]


def _head(comparison: Comparison) -> str:
    orders = sum(len(result.orders) for result in comparison.of(comparison.policies[0].label))
    days, policies = len(comparison.days), len(comparison.policies)
    english = f"{days} {'day' if days == 1 else 'days'}, {orders:,} orders, under {policies} policies"
    chinese = f"{days} 天、{orders:,} 单，{policies} 套策略"
    return (
        f"<header><div><h1>{both('Policy lab', '策略实验室')}</h1>"
        f'<p class="muted">{both(english, chinese)}</p></div><div role="group" aria-label="Language / 语言">'
        '<button type="button" data-speak="en" aria-pressed="true" lang="en">English</button> '
        '<button type="button" data-speak="zh" aria-pressed="false" lang="zh-Hans">中文</button></div></header>'
    )


def _verdicts(comparison: Comparison) -> str:
    told = list(comparison.differences())
    sure = [each for each in told if each.estimate.differs_from_zero]
    items = "".join(
        f'<li class="{_class(each)}">{both(escape(sentence(each)), escape(sentence(each, "zh")))}</li>'
        for each in sure or told
    )
    if len(comparison.days) == 1:
        lead = both("One day, no interval: what differs may be chance.", "只有一天，无法给出区间：差异可能只是偶然。")
    elif sure:
        lead = both(
            "What differs by more than chance (95 %):",
            "超出偶然波动的差异（95%）：",
        )
    else:
        lead = both("These days show no difference beyond chance.", "这些天没有超出偶然波动的差异。")
    title = both("What differs", "有何不同")
    return f'<section><h2>{title}</h2><p>{lead}</p><ul class="verdicts">{items}</ul></section>'


def _class(difference: Difference) -> str:
    return {True: "better", False: "worse", None: ""}[difference.better]


def _intervals(comparison: Comparison) -> str:
    """Every difference as a dot with its interval."""
    sections = []
    for policy in comparison.policies[1:]:
        own = [each for each in comparison.differences() if each.policy == policy.label]
        rows = "".join(_interval_row(each) for each in own)
        first = escape(comparison.policies[0].label)
        name = escape(policy.label)
        heads = "".join(
            f'<th scope="col">{both(*each)}</th>'
            for each in (("Figure", "指标"), ("Difference", "差异"), ("95 %", "95%"), ("Picture", "图示"))
        )
        caption = both(f"{name} less {first}, day by day", f"{name} 减 {first}，逐日相比")
        sections.append(
            f'<div class="wide" role="region" tabindex="0" aria-label="{name}"><table><caption>{caption}</caption>'
            f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        )
    title = both("Differences and how sure they are", "差异及其把握")
    return f"<section><h2>{title}</h2>{''.join(sections)}</section>"


def _interval_row(difference: Difference) -> str:
    kpi, found = BY_NAME[difference.kpi], difference.estimate
    plot = charts.interval_plot(found.mean, found.low, found.high, difference.better, sentence(difference))
    told = both(*(figure(found.mean, kpi, each, signed=True, apart=True) for each in LANGUAGES))
    sure = both(interval(found, kpi, signed=True), interval(found, kpi, "zh", signed=True))
    return f'<tr><th scope="row">{_name(kpi)}</th><td>{told}</td><td>{sure}</td><td>{plot}</td></tr>'


def _name(kpi: Kpi) -> str:
    return both(name_of(kpi.name, "en"), name_of(kpi.name, "zh"))


def _kpis(comparison: Comparison) -> str:
    labels = [policy.label for policy in comparison.policies]
    heads = "".join(f'<th scope="col">{escape(label)}</th>' for label in labels)
    rows = []
    for kpi in KPIS:
        cells = []
        for label in labels:
            found = comparison.mean(label, kpi.name)
            mean = None if found is None else found.mean
            sure = both(interval(found, kpi), interval(found, kpi, "zh"))
            cells.append(f"<td>{both(figure(mean, kpi), figure(mean, kpi, 'zh'))}<small>{sure}</small></td>")
        rows.append(f'<tr><th scope="row">{_name(kpi)}</th>{"".join(cells)}</tr>')
    title = both("Mean over the days", "各日平均")
    return (
        f'<section><h2>{title}</h2><div class="wide" role="region" tabindex="0" aria-label="KPI"><table>'
        f'<thead><tr><th scope="col">{both("Figure", "指标")}</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _orders(comparison: Comparison, label: str) -> list[OrderResult]:
    return [order for result in comparison.of(label) for order in result.orders]


def _distribution(comparison: Comparison) -> str:
    labels = [policy.label for policy in comparison.policies]
    lines = [
        charts.Line(
            label,
            charts.distribution(
                [o.click_to_door_min for o in _orders(comparison, label) if o.click_to_door_min is not None]
            ),
        )
        for label in labels
    ]
    ticks = [f"{place * charts.BIN_MIN}" for place in range(charts.BINS)]
    name = ("Click to door, share of deliveries in %", "下单到送达时长分布（占送达单 %）")
    drawn = charts.lines_chart(lines, ticks, name, ("minutes", "分钟"))
    return _figure(name, labels, drawn, ("Minutes from", "分钟起"), ticks, [line.values for line in lines])


def _hours(comparison: Comparison) -> str:
    labels = [policy.label for policy in comparison.policies]
    rows = [charts.late_by_hour(_orders(comparison, label)) for label in labels]
    used = [hour for hour in range(charts.HOURS) if any(row[hour] is not None for row in rows)]
    ticks = [f"{hour}" for hour in used]
    kept = [[row[hour] for hour in used] for row in rows]
    name = ("Late or undelivered by hour of the order, in %", "按下单小时的超时或未送达（%）")
    return _figure(name, labels, charts.bars_chart(labels, kept, ticks, name), ("Hour", "小时"), ticks, kept)


def _figure(
    name: tuple[str, str],
    labels: Sequence[str],
    drawn: str,
    first: tuple[str, str],
    ticks: Sequence[str],
    rows: Sequence[Sequence[float | None]],
) -> str:
    """A chart with its legend, and the same as a table."""
    heads = "".join(f'<th scope="col">{escape(label)}</th>' for label in labels)
    body = "".join(
        f'<tr><th scope="row">{tick}</th>' + "".join(f"<td>{_number(row[place])}</td>" for row in rows) + "</tr>"
        for place, tick in enumerate(ticks)
    )
    return (
        f"<section><h2>{both(*name)}</h2>{charts.legend(labels)}<figure>{drawn}</figure>"
        f"<details><summary>{both('Table', '表格')}</summary>"
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(name[0])}"><table><thead><tr>'
        f'<th scope="col">{both(*first)}</th>{heads}</tr></thead><tbody>{body}</tbody></table></div></details>'
        "</section>"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _maps(comparison: Comparison) -> str:
    """Where doors are; days on planes of their own are not laid over one another."""
    shown = comparison.days if comparison.one_town else comparison.days[:1]
    pools = {
        policy.label: [o for result in comparison.of(policy.label) if result.day in shown for o in result.orders]
        for policy in comparison.policies
    }
    doors = [order.door for orders in pools.values() for order in orders]
    if not doors:
        return ""
    ground = charts.Ground.under(doors)
    figures = "".join(
        f'<figure class="small"><figcaption>{escape(label)}</figcaption>'
        f"{charts.late_map(orders, ground, f'Late orders by place under {label} / {label} 的超时地点')}"
        f"{_places(orders, ground)}</figure>"
        for label, orders in pools.items()
    )
    metres = f"{ground.step:,.0f} m"
    note = both(
        f"Squares of {metres}: the larger the more orders, the redder the larger the share that was late (from half"
        f" on fully red). {'' if comparison.one_town else 'Only the first day: each is a town of its own.'}",
        f"每格 {metres}：越大单越多，越红超时占比越高（一半以上为全红）。"
        f"{'' if comparison.one_town else '仅第一天：各天的地图互不相同。'}",
    )
    title = both("Where orders are late", "超时发生在哪里")
    return f'<section><h2>{title}</h2><p class="muted">{note}</p><div class="two">{figures}</div></section>'


def _places(orders: Sequence[OrderResult], ground: charts.Ground) -> str:
    """The worst places of a map as a table."""
    cells = charts.late_by_place(orders, ground)
    worst = sorted(cells.items(), key=lambda cell: (-cell[1][1], cell[0]))[:8]
    rows = "".join(
        f'<tr><th scope="row">{(column + 0.5) * ground.step / 1000:.1f} / {(row + 0.5) * ground.step / 1000:.1f}</th>'
        f"<td>{count}</td><td>{late}</td></tr>"
        for (column, row), (count, late) in worst
    )
    heads = "".join(
        f'<th scope="col">{both(*each)}</th>'
        for each in (("km east / north", "向东 / 向北（公里）"), ("Orders", "单量"), ("Late", "超时"))
    )
    return (
        f"<details><summary>{both('Table', '表格')}</summary><table><thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table></details>"
    )


def _runs(comparison: Comparison) -> str:
    heads = "".join(
        f'<th scope="col">{both(*each)}</th>'
        for each in (
            ("Day", "日期"),
            ("Policy", "策略"),
            ("Orders", "单量"),
            ("Riders", "骑手"),
            ("Delivered", "送达"),
            ("Decisions", "决策"),
            ("P50 / P99 ms", "P50 / P99 毫秒"),
            ("Decisions/s", "决策/秒"),
            ("Times as fast as the clock", "相对实时倍速"),
        )
    )
    rows = "".join(_run_row(result) for result in _in_order(comparison))
    speed = total_speed(comparison.results)
    told = both(f"{speed:,.0f} times as fast as the clock, in one process", f"单进程下为实时的 {speed:,.0f} 倍速")
    return (
        f'<section><h2>{both("How it was played", "仿真过程")}</h2><p>{told}</p><div class="wide" role="region"'
        f' tabindex="0" aria-label="Runs"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        "</section>"
    )


def _in_order(comparison: Comparison) -> Iterator[DayResult]:
    for policy in comparison.policies:
        yield from comparison.of(policy.label)


def _run_row(run: DayResult) -> str:
    cells = (
        f"{len(run.orders):,}",
        f"{run.riders:,}",
        f"{run.fates.get('delivered', 0):,}",
        f"{run.decisions:,}",
        f"{run.decision_p50_ms:.1f} / {run.decision_p99_ms:.1f}",
        f"{run.decisions_per_second:,.0f}",
        f"{run.speed:,.0f}",
    )
    return (
        f'<tr><th scope="row">{escape(run.day)}</th><td>{escape(run.policy)}</td>'
        f"{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    )


def _documents(comparison: Comparison) -> str:
    said = "".join(
        f"<details><summary>{escape(policy.label)}</summary><pre>"
        f"{escape(json.dumps(as_json(policy.document), indent=1, ensure_ascii=False))}</pre></details>"
        for policy in comparison.policies
    )
    return f"<section><h2>{both('What the policies say', '策略内容')}</h2>{said}</section>"
