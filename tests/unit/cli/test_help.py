"""The help of every command, as it was agreed; and that asking for it costs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shoptalk.cli import VERBS, main

SNAPSHOTS = Path(__file__).parent / "help"
LATER = {"models", "run"}
"""Commands whose flags other parts own."""


def _help(words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as end:
        main([*words, "--help"])
    assert end.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "verb", ["", *sorted(set(VERBS) - LATER), "data validate", "data split", "data migrate"]
)
def test_help_is_as_agreed(
    verb: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    said = _help(verb.split(), capsys, monkeypatch)
    path = SNAPSHOTS / f"{verb.replace(' ', '_') or 'shoptalk'}.txt"
    if not path.exists():  # a new command: look at the file, then commit it
        path.parent.mkdir(exist_ok=True)
        path.write_text(said, encoding="utf-8")
        pytest.fail(f"{path.name} was new and has been written; look at it and run again.")
    assert said == path.read_text(encoding="utf-8")


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom shoptalk.cli import main\n"
        "try:\n    main(['test', '--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'torch', 'transformers', 'sklearn', 'fastapi', 'yaml', 'ruamel', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr.strip() == "[]"


def test_no_command_prints_help_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 1
    assert "usage: shoptalk" in capsys.readouterr().out
