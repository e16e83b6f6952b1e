"""`shoptalk data validate`."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shoptalk.core.training_data import Source
    from shoptalk.dialogue.conflicts import Conflict
    from shoptalk.formats.project import Project
    from shoptalk.formats.validate import Finding

STYLE = {"error": "bold red", "warning": "yellow", "note": "dim"}
LINES_BEFORE, LINES_AFTER = 2, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `data validate`; those of Rasa's mean the same."""
    parser.add_argument("what", nargs="?", choices=["stories"], help="seek only conflicts of stories")
    parser.add_argument("-d", "--domain", type=Path, help="domain file or folder (default: domain.yml)")
    parser.add_argument("--data", type=Path, nargs="+", default=[Path("data")], help="training data")
    parser.add_argument("-c", "--config", type=Path, default=Path("config.yml"), help="pipeline and policies")
    parser.add_argument("--fail-on-warnings", action="store_true", help="exit status 1 for warnings, too")
    parser.add_argument("--max-history", type=int, help="turns of history that conflicts are sought in")
    parser.add_argument("--all", action="store_true", help="show notes, too")
    parser.add_argument("--json", action="store_true", help="print findings as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check a project and print what was found.

    Returns:
        1 when there are errors (or warnings, with --fail-on-warnings), else 0.
    """
    from shoptalk.errors import ConfigError
    from shoptalk.formats.project import load_project
    from shoptalk.formats.validate import check, near

    if args.max_history is not None and args.max_history < 1:
        raise ConfigError(
            "--max-history must be at least 1.", hint="Leave it out to look at whole conversations."
        )
    project = load_project(Path(), config=args.config, domain=args.domain, data=args.data)
    findings = [] if args.what == "stories" else [*check(project), *near(project)]
    conflicts: list[Conflict] = []
    if not any(finding.level == "error" for finding in findings):
        conflicts = _conflicts(project, args.max_history)
    if args.json:
        found = [_as_json(f) for f in findings] + [_conflict_as_json(c) for c in conflicts]
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        _print(findings, conflicts, show_notes=args.all)
    levels = {finding.level for finding in findings} | ({"warning"} if conflicts else set())
    return int("error" in levels or (args.fail_on_warnings and "warning" in levels))


def _conflicts(project: Project, max_history: int | None) -> list[Conflict]:
    from shoptalk.dialogue.conflicts import find_conflicts

    return find_conflicts(project.stories, project.domain, max_history=max_history)


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "level": finding.level,
        "code": finding.code,
        "message": finding.message,
        "hint": finding.hint,
        "file": finding.source.file,
        "line": finding.source.line,
    }


def _conflict_as_json(conflict: Conflict) -> dict[str, Any]:
    from shoptalk.dialogue.conflicts import told

    return {
        "level": "warning",
        "code": "story_conflict",
        "message": str(conflict),
        "hint": conflict.patches[0].title if conflict.patches else "",
        "file": conflict.source.file,
        "line": conflict.source.line,
        "history": told(conflict.history),
        "sides": [
            {
                "action": side.action,
                "file": side.source.file,
                "line": side.source.line,
                "stories": [{"name": n, "file": s.file, "line": s.line} for n, s in side.snippets],
            }
            for side in conflict.sides
        ],
        "patches": [
            {"kind": p.kind, "title": p.title, "file": p.source.file, "line": p.source.line, "yaml": p.yaml}
            for p in conflict.patches
        ],
    }


def _print(findings: list[Finding], conflicts: list[Conflict], *, show_notes: bool) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        # What a file says and nobody reads is shown always.
        if finding.level != "note" or finding.code == "file" or show_notes:
            console.print(f"[{STYLE[finding.level]}]{finding.level:<7}[/] {escape(str(finding))}")
    for conflict in conflicts:
        _print_conflict(console, conflict)
    counts: Counter[str] = Counter(finding.level for finding in findings)
    counts["warning"] += len(conflicts)
    said = ", ".join(f"{counts[level]} {level}{'s' * (counts[level] != 1)}" for level in STYLE)
    console.print(f"{said}." + ("" if show_notes or not counts["note"] else " See the notes with --all."))
    if counts["error"]:
        console.print("Project validation completed with errors.")


def _print_conflict(console: Any, conflict: Conflict) -> None:
    """Both snippets, the history they share, and ways out."""
    from rich.markup import escape

    from shoptalk.dialogue.conflicts import told

    console.print(f"[{STYLE['warning']}]warning[/] Story structure conflict after {escape(conflict.after)}:")
    console.print(f"        shared history: {escape(' → '.join(told(conflict.history)))}")
    for side in conflict.sides:
        stories = ", ".join(f"{name!r} ({source})" for name, source in side.snippets)
        console.print(f"        [bold]{escape(side.action)}[/] predicted in {escape(stories)}")
        for number, line in excerpt(side.source):
            mark = "❯" if number == side.source.line else " "
            console.print(
                f"        {mark} {escape(side.source.file)}:{number:<4}│ {escape(line)}", highlight=False
            )
    console.print("        Ways out:")
    for place, patch in enumerate(conflict.patches, start=1):
        console.print(f"        {place}. {escape(patch.title)}")
        for line in patch.yaml.splitlines():
            console.print(f"             [green]{escape(line)}[/]")


def excerpt(source: Source) -> list[tuple[int, str]]:
    """The lines around a place in a file; nothing if it cannot be read."""
    try:
        lines = Path(source.file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    first = max(1, source.line - LINES_BEFORE)
    last = min(len(lines), source.line + LINES_AFTER)
    return [(number, lines[number - 1]) for number in range(first, last + 1)]
