"""What a project costs with real Rasa and with Shoptalk: training, the model's size, start-up, memory, waiting.

    python -m bench.parity.cost --rasa ~/rasa-venv/bin/rasa --data PATH [--project NAME …] [--json FILE]

The projects of PATH/rasa_examples are taken with their own config.yml. Both systems train each from nothing and serve it, one
after the other, and are asked the texts of its own examples, one at a time: `/model/parse`, then whole turns over the REST
channel, with custom actions on the same action server. Nothing else should run: waiting is wall time. Everything runs on
one core, with one thread, if started with `taskset -c 0`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from bench.parity.actions import ActionServer
from bench.parity.client import Server
from bench.parity.serve import QUIET, Process, command
from bench.parity.shoptalk_side import SHOPTALK
from shoptalk.formats.project import load_project

PROJECTS = ("init", "concertbot", "knowledgebasebot", "responseselectorbot", "rules")
PARSES, TURNS, TURNS_A_SENDER = 200, 200, 8
Row = dict[str, float]
UNITS = {
    "training, CPU s": "{:.1f}",
    "training, peak MB": "{:.0f}",
    "model, MB": "{:.1f}",
    "start-up, s": "{:.1f}",
    "server, MB": "{:.0f}",
    "parse p50, ms": "{:.1f}",
    "turn p50, ms": "{:.1f}",
    "turn p95, ms": "{:.1f}",
}
"""What is measured, and how it is shown. Start-up ends with the first answer that a model is loaded."""


def cost(cli: Sequence[str], folder: Path, texts: Sequence[str], port: int) -> Row:
    """Train and serve a project with one of the two.

    Args:
        cli: its command.
        folder: a copy of the project without a model.
        texts: what to ask.
        port: to serve on.
    """
    row = _training(cli, folder)
    begin = time.perf_counter()
    process = Process(command(list(cli), port, "cost"), folder, port, folder / "server.log")
    with process as server:
        row["start-up, s"] = time.perf_counter() - begin
        parses = _waits(PARSES, lambda at: server.take("", {"parse": texts[at % len(texts)]}))
        turns = _waits(TURNS, lambda at: _say(server, at, texts))
        served = psutil.Process(process.pid)
        family = [served, *served.children(recursive=True)]
        row["server, MB"] = sum(each.memory_info().rss for each in family) / 1e6
    row["parse p50, ms"] = statistics.median(parses)
    row["turn p50, ms"] = statistics.median(turns)
    row["turn p95, ms"] = statistics.quantiles(turns, n=20)[-1]
    return row


def _training(cli: Sequence[str], folder: Path) -> Row:
    words = [*cli, "train", "--force", "--fixed-model-name", "cost"]
    with open(folder / "train.log", "wb") as log:
        process = subprocess.Popen(words, cwd=folder, env=QUIET, stdout=log, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} failed; see {folder / 'train.log'}")
    size = (folder / "models/cost.tar.gz").stat().st_size
    return {
        "training, CPU s": used.ru_utime + used.ru_stime,
        "training, peak MB": used.ru_maxrss * 1024 / 1e6,
        "model, MB": size / 1e6,
    }


def _say(server: Server, at: int, texts: Sequence[str]) -> None:
    reply = server.take(f"someone-{at // TURNS_A_SENDER}", {"say": texts[at * 7 % len(texts)]})
    if reply.status != 200:
        raise SystemExit(f"A turn was answered with {reply.status}: {reply.body}")


def _waits(count: int, ask: Callable[[int], object]) -> list[float]:
    """Milliseconds of each question, without the first tenth."""
    waits = []
    for at in range(count):
        begin = time.perf_counter()
        ask(at)
        waits.append((time.perf_counter() - begin) * 1000)
    return waits[count // 10 :]


def compare(rasa: Path, origin: Path, actions: ActionServer, work: Path, port: int) -> dict[str, Row]:
    """Both on one project."""
    project = load_project(origin)
    texts = sorted({example.text for example in project.training_data.examples})
    rows = {}
    for name, cli in (("Rasa", [str(rasa)]), ("Shoptalk", SHOPTALK)):
        folder = work / f"{origin.name}-{name.lower()}"
        shutil.copytree(origin, folder, ignore=shutil.ignore_patterns("models", ".rasa", ".shoptalk"))
        url = f"http://127.0.0.1:{port + 1}/webhook"
        (folder / "endpoints.yml").write_text(f"action_endpoint: {{url: '{url}'}}\n", encoding="utf-8")
        (folder / "credentials.yml").write_text("rest:\n", encoding="utf-8")
        actions.serve(folder)
        rows[name] = cost(cli, folder, texts, port)
        print(f"{origin.name}, {name}: {json.dumps(rows[name])}", file=sys.stderr, flush=True)
    return rows


def table(results: dict[str, dict[str, Row]]) -> str:
    """Markdown: Rasa's figure, ours, and how many times less ours is."""
    lines = ["| project | " + " | ".join(UNITS) + " |", "|---" * (len(UNITS) + 1) + "|"]
    for project, rows in results.items():
        cells = []
        for key, form in UNITS.items():
            theirs, ours = rows["Rasa"][key], rows["Shoptalk"][key]
            cells.append(f"{form.format(theirs)} → {form.format(ours)} ({theirs / ours:.1f}×)")
        lines.append(f"| {project} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.parity.cost", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--rasa", type=Path, required=True, help="the command `rasa` of its own environment")
    parser.add_argument("--data", type=Path, required=True, help="folder of rasa_examples/")
    parser.add_argument("--project", nargs="+", default=PROJECTS, help="which of them")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--port", type=int, default=6205, help="of the servers; the next one is used, too")
    args = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory(prefix="cost-") as work, ActionServer(args.port + 1) as actions:
        for name in args.project:
            origin = args.data / "rasa_examples" / name
            results[name] = compare(args.rasa.absolute(), origin, actions, Path(work), args.port)
            if args.json:
                args.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()
