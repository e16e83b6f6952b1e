"""Flags and commands of Rasa's that change nothing here say so; those that cannot be obeyed are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoptalk.cli import main


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["shell", "--cors", "*"], "--cors has no effect: the shell serves nothing; `shoptalk run` does."),
        (["train", "--debug-plots"], "--debug-plots has no effect: `shoptalk visualize` draws stories."),
        (["test", "--endpoints", "e.yml"], "--endpoints has no effect: tests run no actions."),
    ],
)
def test_a_flag_without_effect_says_so(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(words)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["run", "shell"])
def test_models_in_buckets_are_refused_rather_than_others_served(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, "--remote-storage", "aws"]) == 1
    assert "--remote-storage aws is not supported" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["data"], 0),
        (["data", "split"], 0),
        (["data", "convert"], 0),
        (["evaluate"], 1),
        (["evaluate", "markers"], 1),
    ],
)
def test_a_command_without_its_part_prints_help(
    words: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == status
    assert f"usage: shoptalk {' '.join(words)}" in capsys.readouterr().out


def test_scripts_may_switch_telemetry_off(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["telemetry", "disable"]) == 0
    assert "sends nothing" in capsys.readouterr().out


def test_rasa_x_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["x", "--production", "--config-endpoint", "http://localhost"]) == 1
    assert "not supported" in capsys.readouterr().err


def test_logging_flags_may_stand_before_the_part(capsys: pytest.CaptureFixture[str]) -> None:
    Path("nlu.yml").write_text(
        "version: '3.1'\nnlu:\n- intent: a\n  examples: |\n    - b\n", encoding="utf-8"
    )
    assert main(["data", "--quiet", "convert", "nlu", "--data", "nlu.yml", "--out", "x.json"]) == 0
    assert Path("x.json").exists()


def test_a_wrong_level_in_the_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    assert main(["telemetry"]) == 1
    assert "LOG_LEVEL=LOUD is no level" in capsys.readouterr().err


def test_stories_named_with_the_nlu_flag_are_split(capsys: pytest.CaptureFixture[str]) -> None:
    stories = "".join(f"- story: s{n}\n  steps:\n  - intent: a\n  - action: b\n" for n in range(5))
    Path("told.yml").write_text(f"version: '3.1'\nstories:\n{stories}", encoding="utf-8")
    assert main(["data", "split", "stories", "-u", "told.yml"]) == 0
    assert "4 stories for training, 1 for tests" in capsys.readouterr().out
