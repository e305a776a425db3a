"""What a comparison says, in plain sentences, in English and in Chinese."""

from collections.abc import Iterator

from services.dispatch.lab.comparing import Comparison, Difference, total_speed
from services.dispatch.lab.kpis import BY_NAME, KPIS, Kpi
from services.dispatch.lab.statistics import Estimate
from shared.web.words import words_of

UNITS_ZH = {"min": "分钟", "ct": "分", "%": "%", "": ""}


def name_of(kpi: str, language: str) -> str:
    return words_of("policies.kpi", kpi)[language]


def figure(value: float | None, kpi: Kpi, language: str = "en", *, signed: bool = False, apart: bool = False) -> str:
    """A value with its unit; `apart`: it is a difference, and shares differ by percentage points."""
    if value is None:
        return "–"
    unit = kpi.unit if language == "en" else UNITS_ZH[kpi.unit]
    if apart and kpi.unit == "%":
        unit = "points" if language == "en" else "个百分点"
    text = f"{value:+.{kpi.decimals}f}" if signed else f"{value:.{kpi.decimals}f}"
    return f"{text} {unit}".strip()


def interval(found: Estimate | None, kpi: Kpi, language: str = "en", *, signed: bool = False) -> str:
    """The 95 % interval, or why there is none; `signed` for that of a difference."""
    if found is None:
        return "–"
    if found.low is None or found.high is None:
        return "one day, no interval" if language == "en" else "只有一天，无区间"
    low, high = (figure(end, kpi, language, signed=signed, apart=signed) for end in (found.low, found.high))
    return f"{low} to {high}" if language == "en" else f"{low} 至 {high}"


def sentence(difference: Difference, language: str = "en") -> str:
    """One plain sentence about one difference."""
    kpi, found = BY_NAME[difference.kpi], difference.estimate
    name = name_of(kpi.name, language)
    by = figure(abs(found.mean), kpi, language, apart=True)
    if found.mean == 0 and found.low in {None, 0.0}:
        same = f"{name}: the same under {difference.policy} as under {difference.against}."
        return same if language == "en" else f"{name}：{difference.policy} 与 {difference.against} 相同。"
    if language == "zh":
        return _chinese(difference, name, by, kpi)
    way = "lower" if found.mean < 0 else "higher"
    said = f"{name}: {by} {way} under {difference.policy} than under {difference.against}"
    if found.low is None:
        return f"{said} on this one day; one day says nothing about others."
    if not found.differs_from_zero:
        return f"{said}, but {found.days} days cannot tell that from chance ({interval(found, kpi, signed=True)})."
    verdict = {True: ", which is better", False: ", which is worse", None: ""}[difference.better]
    return f"{said}{verdict} (95 %: {interval(found, kpi, signed=True)}, {found.days} days)."


def _chinese(difference: Difference, name: str, by: str, kpi: Kpi) -> str:
    found = difference.estimate
    way = "低" if found.mean < 0 else "高"
    said = f"{name}：{difference.policy} 比 {difference.against} {way} {by}"
    if found.low is None:
        return f"{said}（仅一天的结果，不能推及其他日子）。"
    if not found.differs_from_zero:
        return f"{said}，但 {found.days} 天的数据无法与偶然波动区分（{interval(found, kpi, 'zh', signed=True)}）。"
    verdict = {True: "，更好", False: "，更差", None: ""}[difference.better]
    return f"{said}{verdict}（95%：{interval(found, kpi, 'zh', signed=True)}，{found.days} 天）。"


def table(comparison: Comparison) -> Iterator[str]:
    """The comparison for a terminal."""
    labels = [policy.label for policy in comparison.policies]
    width = max(20, *(len(label) for label in labels)) + 14
    yield f"{'':<28}" + "".join(f"{label:>{width}}" for label in labels)
    for kpi in KPIS:
        cells = []
        for label in labels:
            found = comparison.mean(label, kpi.name)
            half = "" if found is None or found.high is None else f" ± {found.high - found.mean:.{kpi.decimals}f}"
            cells.append(figure(None if found is None else found.mean, kpi) + half)
        yield f"{name_of(kpi.name, 'en'):<28}" + "".join(f"{cell:>{width}}" for cell in cells)
    for label in labels:
        runs = comparison.of(label)
        rate = sum(run.decisions for run in runs) / max(
            1e-9, sum(run.decisions / run.decisions_per_second for run in runs if run.decisions)
        )
        yield f"{label}: {rate:,.0f} decisions a second, {total_speed(runs):,.0f} times as fast as the clock"
    yield ""
    if len(comparison.days) == 1:
        yield "One day, no interval: what differs may be chance."
    yield from (sentence(difference) for difference in comparison.differences())
