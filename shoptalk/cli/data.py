"""`shoptalk data validate`."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shoptalk.formats.project import Project
    from shoptalk.formats.validate import Finding

STYLE = {"error": "bold red", "warning": "yellow", "note": "dim"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command and its parts."""
    from shoptalk.cli import add_logging_arguments

    parts = parser.add_subparsers(dest="part", metavar="PART", required=True)
    validate = parts.add_parser("validate", help="check domain, data and configuration against each other")
    validate.add_argument("what", nargs="?", choices=["stories"], help="seek only conflicts of stories")
    validate.add_argument("-d", "--domain", type=Path, help="domain file or folder (default: domain.yml)")
    validate.add_argument("--data", type=Path, nargs="+", default=[Path("data")], help="training data")
    validate.add_argument("-c", "--config", type=Path, default=Path("config.yml"), help="pipeline and policies")
    validate.add_argument("--fail-on-warnings", action="store_true", help="exit status 1 for warnings, too")
    validate.add_argument("--max-history", type=int, help="turns of history that conflicts are sought in")
    validate.add_argument("--all", action="store_true", help="show notes, too")
    validate.add_argument("--json", action="store_true", help="print findings as JSON")
    add_logging_arguments(validate)
    validate.set_defaults(run=run_validate)


def run_validate(args: argparse.Namespace) -> int:
    """Check a project and print what was found.

    Returns:
        1 when there are errors (or warnings, with --fail-on-warnings), else 0.
    """
    from shoptalk.errors import ConfigError
    from shoptalk.formats.project import load_project
    from shoptalk.formats.validate import check

    if args.max_history is not None and args.max_history < 1:
        raise ConfigError("--max-history must be at least 1.")
    project = load_project(Path(), config=args.config, domain=args.domain, data=args.data)
    findings = [] if args.what == "stories" else check(project)
    if not any(finding.level == "error" for finding in findings):
        findings = [*findings, *_conflicts(project, args.max_history)]
    if args.json:
        print(json.dumps([_as_json(f) for f in findings], indent=1, ensure_ascii=False))
    else:
        _print(findings, show_notes=args.all)
    levels = {finding.level for finding in findings}
    return int("error" in levels or (args.fail_on_warnings and "warning" in levels))


def _conflicts(project: Project, max_history: int | None) -> list[Finding]:
    from shoptalk.dialogue.conflicts import find_conflicts
    from shoptalk.formats.validate import Finding

    return [
        Finding("warning", "story_conflict", str(conflict), conflict.source)
        for conflict in find_conflicts(project.stories, project.domain, max_history=max_history)
    ]


def _as_json(finding: Finding) -> dict[str, object]:
    return {
        "level": finding.level,
        "code": finding.code,
        "message": finding.message,
        "hint": finding.hint,
        "file": finding.source.file,
        "line": finding.source.line,
    }


def _print(findings: list[Finding], *, show_notes: bool) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        if finding.level != "note" or show_notes:
            console.print(f"[{STYLE[finding.level]}]{finding.level:<7}[/] {escape(str(finding))}")
    counts = Counter(finding.level for finding in findings)
    said = ", ".join(f"{counts[level]} {level}{'s' * (counts[level] != 1)}" for level in STYLE)
    console.print(f"{said}." + ("" if show_notes or not counts["note"] else " See the notes with --all."))
    if counts["error"]:
        console.print("Project validation completed with errors.")
