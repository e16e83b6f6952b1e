"""Every flag of every command of Rasa 3.6.21 is taken by the same command here, with the same default."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shoptalk.cli import make_parser

COMMANDS: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("flags.json").read_text(encoding="utf-8")
)
POSITIONAL = {
    "evaluate markers first_n": ["1", "out.csv"],
    "evaluate markers sample_n": ["1", "out.csv"],
    "evaluate markers all": ["out.csv"],
}
"""What must stand after the words of a command."""

STORED_AS = {("train", "nlu"): "nlu_data", ("train", "stories"): "story_data"}
DECIDED: dict[tuple[str, str], str] = {
    ("run", "--interface"): "this machine alone, unless told otherwise",
    ("run", "--request-timeout"): "30 s for a body to arrive; Rasa waits 300",
    ("run", "--credentials"): "credentials.yml, as Rasa finds it when none is named",
    ("run actions", "--actions"): "actions, as rasa-sdk has it",
    ("run actions", "--port"): "found when it is started: 5055",
    ("run", "--port"): "found when it is started: 5005",
    ("train", "--config"): "several may be named; none means config.yml",
    ("train", "--nlu"): "of --data",
    ("train", "--stories"): "of --data",
    ("train", "--domain"): "domain.yml or the folder domain/, whichever is there",
    ("train", "--augmentation"): "one number here; `train core` has the same",
    ("train", "--epoch-fraction"): "1.0, which is what none means",
    ("interactive", "--epoch-fraction"): "as for train",
    ("train", "--num-threads"): "1: small networks gain from no second",
    ("test", "--domain"): "as for train",
    ("test", "--nlu"): "data, where it is needed",
    ("test", "--stories"): "every test_*.yml of the project; Rasa's default is the whole folder",
    ("test", "--config"): "config.yml, where it is needed",
    ("test core", "--model"): "models, where Rasa looks for the newest, too",
    ("interactive", "--nlu"): "of --data",
    ("interactive", "--stories"): "of --data",
    ("interactive", "--model"): "trained first when none is named",
    ("data validate", "--domain"): "as for train",
    ("data split", "--stories"): "of --nlu",
    ("evaluate", "--domain"): "as for train",
    ("evaluate", "--no-stats"): "off; Rasa stores the opposite",
}
"""Defaults that differ on purpose, by the first words of the command."""


def _cases() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for command, flags in COMMANDS.items():
        for flag in flags:
            for spelling in flag["flags"] if isinstance(flag["flags"], list) and command else ():
                yield command, spelling, flag


def _values(flag: dict[str, Any]) -> list[str]:
    """Something the flag may be given."""
    if flag.get("nargs") == 0:
        return []
    if flag.get("choices"):
        return [str(flag["choices"][0])]
    default = flag.get("default")
    if isinstance(default, list):
        return [str(default[0])] if default and default[0] else ["1"]
    return [str(default)] if default not in (None, "") else ["1"]


def _parse(command: str, *rest: str) -> argparse.Namespace:
    words = command.split()
    return make_parser(words[0]).parse_args([*words, *POSITIONAL.get(command, []), *rest])


@pytest.mark.parametrize(("command", "spelling", "flag"), list(_cases()))
def test_a_flag_of_rasa_is_taken(
    command: str, spelling: str, flag: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        _parse(command, spelling, *_values(flag))
    except SystemExit:
        pytest.fail(f"shoptalk {command} {spelling}: {capsys.readouterr().err}")


@pytest.mark.parametrize(("command", "spelling", "flag"), [c for c in _cases() if c[1].startswith("--")])
def test_a_flag_has_rasas_default(command: str, spelling: str, flag: dict[str, Any]) -> None:
    names = vars(_parse(command))
    name = spelling.strip("-").replace("-", "_")
    name = STORED_AS.get((command.split()[0], name), name)
    words = command.split()
    if any((" ".join(words[: n + 1]), spelling) in DECIDED for n in range(len(words))):
        return
    if name not in names:
        return  # without effect, or of logging: nothing is kept unless it is given
    assert _plain(names[name]) == _plain(flag.get("default"))


def _plain(value: Any) -> Any:
    """Paths as texts, a list of one as that one, and nothing as None."""
    if isinstance(value, list):
        return _plain(value[0]) if len(value) == 1 else ([_plain(v) for v in value] or None)
    if isinstance(value, Path):
        return str(value)
    return None if value in (False, "") else value
