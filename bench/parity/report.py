"""The comparison as a table and as Markdown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.parity.compare import Difference
from bench.parity.explained import DECISIONS, explain

Results = Mapping[str, Mapping[str, tuple[str, Sequence[Difference]]]]
"""Project → case → (kind, differences)."""


def table(results: Results) -> list[tuple[str, int, int, int, int]]:
    """Rows of project, cases, agreements, decided differences, unexplained differences."""
    rows = []
    for project, cases in results.items():
        equal = decided = open_ = 0
        for _, differences in cases.values():
            if not differences:
                equal += 1
            elif all(explain(d) for d in differences):
                decided += 1
            else:
                open_ += 1
        rows.append((project, len(cases), equal, decided, open_))
    return [*rows, ("all", *(sum(row[i] for row in rows) for i in (1, 2, 3, 4)))]


def text(results: Results) -> str:
    """For the terminal."""
    lines = [f"{'project':<52}{'cases':>7}{'equal':>7}{'decided':>9}{'open':>6}"]
    lines += [
        f"{name:<52}{of:>7}{equal:>7}{decided:>9}{open_:>6}"
        for name, of, equal, decided, open_ in table(results)
    ]
    for difference in unexplained(results):
        lines += ["", f"{difference.project} | {difference.case} | {difference.aspect}"]
        lines += [f"  Rasa      {_short(difference.rasa)}", f"  Shoptalk  {_short(difference.shoptalk)}"]
    return "\n".join(lines)


def unexplained(results: Results) -> Iterable[Difference]:
    """Differences nobody decided on."""
    for cases in results.values():
        for _, differences in cases.values():
            yield from (d for d in differences if explain(d) is None)


def markdown(results: Results, command: str) -> str:
    """docs/parity-report.md."""
    rows = table(results)
    of, equal, decided, open_ = rows[-1][1:]
    kinds = Counter(kind for cases in results.values() for kind, _ in cases.values())
    lines = [
        "# Rasa 3.6.21 and Shoptalk, case by case",
        "",
        f"Written by `{command}`: both systems",
        "train the same projects without learned models and are asked the same, one after the other. A case is a",
        "conversation, or one thing read of a project.",
        "",
        f"**{of} cases: {equal} equal, {decided} different by decision, {open_} different without a reason.** "
        + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
        + ".",
        "",
        "Compared: examples, entities, synonyms, patterns, lookups, responses, actions in order and slots as read; exit",
        "status of `data validate` with and without `--fail-on-warnings`; every REST reply; every HTTP answer; every",
        "event with policy, confidence and `hide_rule_turn`; all slots and the state at the end. Not compared: times,",
        "ids, the order in which equal variations are drawn, and sessions before the last one (Rasa's memory store",
        "forgets them).",
        "",
        "| project | cases | equal | decided | open |",
        "|---|---:|---:|---:|---:|",
        *(f"| {name} | {a} | {b} | {c} | {d} |" for name, a, b, c, d in rows),
        "",
        "## Decided otherwise",
        "",
    ]
    counts = Counter(
        decision.name
        for cases in results.values()
        for _, differences in cases.values()
        for decision in {id(found): found for found in map(explain, differences) if found}.values()
    )
    for decision in DECISIONS:
        if counts[decision.name]:
            lines += [f"- **{decision.name}** ({counts[decision.name]} cases): {decision.why}"]
    lines += ["", "## Open", ""]
    found = list(unexplained(results))
    lines += [
        f"- {d.project}, {d.case}, {d.aspect}: Rasa `{_short(d.rasa)}`, Shoptalk `{_short(d.shoptalk)}`"
        for d in found
    ] or ["None."]
    return "\n".join(lines) + "\n"


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:400]
