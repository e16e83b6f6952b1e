"""Compare real Rasa with Shoptalk.

    bench/parity/make_rasa_venv.sh ~/rasa-venv
    python -m bench.parity --rasa ~/rasa-venv/bin/rasa --data PATH [--project NAME …] [--json FILE] [--markdown FILE]

PATH holds folders `rasa_examples` and `rasa_test_data` of public projects; without it our own projects are compared.
`--folder` compares projects of anybody's in place of these; `--most` bounds what is asked of each.
`--resume` goes on with a comparison in parts: what is in the file of `--json` is reported, and not compared again.
`--record` writes what Rasa answered on our own projects into tests/conformance/.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.parity import compare, facts, report
from bench.parity.actions import ActionServer
from bench.parity.client import Masks, Server
from bench.parity.compare import Difference
from bench.parity.explained import explain
from bench.parity.play import Played, play
from bench.parity.projects import OWN, Bot, bots, prepare
from bench.parity.serve import QUIET, Process, command
from bench.parity.shoptalk_side import SHOPTALK, facts_of
from bench.parity.talks import Case, cases, chosen_cases
from shoptalk.errors import ShoptalkError
from shoptalk.formats.project import load_project

Results = dict[str, dict[str, tuple[str, list[Difference]]]]


def main() -> int:
    """Run the comparison; 1 when something differs without a reason."""
    args = _arguments()
    work = args.work or Path(tempfile.mkdtemp(prefix="parity-"))
    results = _earlier(args.json) if args.resume else {}
    chosen = [
        bot
        for bot in bots(args.data, args.folder)
        if bot.name not in results and (not args.project or bot.name in args.project)
    ]
    folders = {bot.name: prepare(bot, work, args.port + 2) for bot in chosen}
    read = _rasa_reads(args.rasa, chosen, folders, work)
    with ActionServer(args.port + 2) as actions:
        trained = [bot for bot in chosen if read[bot.name].get("trained")]
        played = _play_rasa(args, trained, folders, actions, work)
        for bot in chosen:
            results[bot.name] = _compare(
                args, bot, folders[bot.name], read[bot.name], played.get(bot.name, []), actions
            )
            print(f"{bot.name}: {len(results[bot.name])} cases", file=sys.stderr, flush=True)
            if args.json:
                text = json.dumps(_plain(results), indent=1, ensure_ascii=False)
                args.json.write_text(text, encoding="utf-8")
    if args.record:
        for bot in (bot for bot in trained if bot.origin.parent == OWN):
            facts.write(args.record / f"{bot.name}.txt", _not_decided(played[bot.name], results[bot.name]))
    print(report.text(results))
    if args.markdown:
        shown = "python -m bench.parity --rasa RASA" + (" --data DATA" if args.data else "")
        args.markdown.write_text(report.markdown(results, shown), encoding="utf-8")
    if not args.work:
        shutil.rmtree(work)
    return int(any(True for _ in report.unexplained(results)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.parity", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--rasa", type=Path, required=True, help="the command `rasa` of its own environment")
    parser.add_argument("--data", type=Path, help="folder of rasa_examples/ and rasa_test_data/")
    parser.add_argument("--project", nargs="+", help="compare these only")
    parser.add_argument("--folder", type=Path, nargs="+", default=[], help="compare these projects only")
    parser.add_argument("--most", type=int, help="of each kind of conversation, have so many with a project")
    parser.add_argument("--json", type=Path, help="write all differences here")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the comparison in the file of --json"
    )
    parser.add_argument("--markdown", type=Path, help="write the report here")
    parser.add_argument("--record", type=Path, help="folder to write facts of our own projects to")
    parser.add_argument("--work", type=Path, help="keep the prepared projects here")
    parser.add_argument("--port", type=int, default=6105, help="of Rasa; the next two are used, too")
    return parser.parse_args()


def _rasa_reads(rasa: Path, chosen: list[Bot], folders: dict[str, Path], work: Path) -> dict[str, Any]:
    out = work / "rasa_facts.json"
    wanted = [f"{bot.name}={folders[bot.name].absolute()}:{bot.domain}:{bot.data}" for bot in chosen]
    script = Path(__file__).with_name("rasa_side.py").absolute()
    with open(work / "rasa_side.log", "wb") as log:
        subprocess.run(
            [rasa.with_name("python"), script, out.absolute(), *wanted], env=QUIET, stderr=log, check=True
        )
    result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return result


def _play_rasa(
    args: argparse.Namespace, trained: list[Bot], folders: dict[str, Path], actions: ActionServer, work: Path
) -> dict[str, list[tuple[Case, Played]]]:
    """Every conversation with Rasa; one server, which changes its model from project to project."""
    out: dict[str, list[tuple[Case, Played]]] = {}
    if not trained:
        return out
    cli = command([str(args.rasa.absolute())], args.port, "rasa")
    with Process(cli, folders[trained[0].name], args.port, work / "rasa.log") as server:
        for bot in trained:
            folder = folders[bot.name]
            try:
                project = load_project(folder, domain=folder / bot.domain, data=[folder / bot.data])
            except ShoptalkError:
                continue  # the comparison of what is read tells
            server.call("PUT", "/model", {"model_file": str((folder / "models/rasa.tar.gz").absolute())})
            wanted = chosen_cases(cases(project, folder), args.most)
            out[bot.name] = _converse(server, actions, wanted, folder, bot.name)
            print(f"{bot.name}: {len(out[bot.name])} conversations with Rasa", file=sys.stderr, flush=True)
    return out


def _converse(
    server: Server, actions: ActionServer, wanted: list[Case], folder: Path, name: str
) -> list[tuple[Case, Played]]:
    actions.serve(folder)
    masks = Masks(server.call("GET", "/domain").body)
    return [
        (case, play(server, actions, case, f"{name}-{at:04d}-x", masks)) for at, case in enumerate(wanted)
    ]


def _compare(
    args: argparse.Namespace,
    bot: Bot,
    folder: Path,
    read: dict[str, Any],
    talked: list[tuple[Case, Played]],
    actions: ActionServer,
) -> dict[str, tuple[str, list[Difference]]]:
    ours = facts_of(folder, bot.domain, bot.data)
    out = {name: ("reading", found) for name, found in compare.of_reading(bot.name, read, ours).items()}
    if not talked or not ours.get("trained"):
        return out
    again = [Case(case.name, case.kind, played.turns) for case, played in talked]
    with Process(
        command(SHOPTALK, args.port + 1, "shoptalk"), folder, args.port + 1, folder / "run.log"
    ) as server:
        mine = _converse(server, actions, again, folder, bot.name)
    for number, ((case, theirs), (_, own)) in enumerate(zip(talked, mine, strict=True)):
        name = _name(number, case)
        out[name] = (case.kind, compare.of_conversation(bot.name, name, case.kind, theirs, own))
    return out


def _not_decided(
    talked: list[tuple[Case, Played]], found: dict[str, tuple[str, list[Difference]]]
) -> list[tuple[Case, Played]]:
    """Conversations that Shoptalk is meant to have as Rasa had them."""
    named = [(_name(number, case), case, played) for number, (case, played) in enumerate(talked)]
    return [
        (case, played) for name, case, played in named if not any(map(explain, found.get(name, ("", []))[1]))
    ]


def _name(number: int, case: Case) -> str:
    return f"{case.kind} {number}: {case.name}"


def _earlier(path: Path | None) -> Results:
    """What `_plain` wrote, if anything."""
    found = json.loads(path.read_text(encoding="utf-8")) if path is not None and path.exists() else {}
    return {
        project: {
            case: (told["kind"], [Difference(**difference) for difference in told["differences"]])
            for case, told in all_.items()
        }
        for project, all_ in found.items()
    }


def _plain(results: Results) -> dict[str, Any]:
    return {
        project: {
            case: {"kind": kind, "differences": [dataclasses.asdict(d) for d in found]}
            for case, (kind, found) in all_.items()
        }
        for project, all_ in results.items()
    }


if __name__ == "__main__":
    sys.exit(main())
