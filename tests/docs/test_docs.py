"""What the documentation tells people to do works: commands, flags, links, and the tutorial from end to end."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROJECT = (
    "config.yml",
    "domain.yml",
    "endpoints.yml",
    "credentials.yml",
    "data",
    "actions",
    "shop",
    "models",
)
SHOPTALK = [sys.executable, "-m", "shoptalk.cli"]


def commands(page: Path) -> Iterator[str]:
    """Lines of the shell blocks of a page, without comments."""
    for block in re.findall(r"^```(?:sh|bash)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
        for line in block.replace("\\\n", " ").splitlines():
            for part in line.split("&&"):
                if command := part.split("#")[0].strip():
                    yield command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    verbs = {}
    for command in commands(page):
        words = command.split()
        if words[0] == "make":
            named = [word for word in words[1:] if "=" not in word]
            assert set(named) <= targets, command
        elif words[0] in ("shoptalk", ".venv/bin/shoptalk"):
            verb = tuple(word for word in words[1:3] if re.fullmatch(r"[a-z]+", word))
            told = verbs.setdefault(verb, _help(verb))
            flags = re.findall(r"(?<=\s)--?[a-z][a-z-]*", command)
            assert [flag for flag in flags if flag not in told] == [], command
        elif words[:2] in (["python", "-m"], [".venv/bin/python", "-m"]):
            path = ROOT.joinpath(*words[2].split("."))
            assert words[2] in ("pytest", "rasa_sdk", "venv") or any(
                place.exists() for place in (path.with_suffix(".py"), path / "__main__.py")
            ), command


def _help(verb: tuple[str, ...]) -> str:
    for words in (verb, verb[:1]):  # the second word may be an argument and no verb
        done = subprocess.run([*SHOPTALK, *words, "--help"], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout
    raise AssertionError(f"there is no `shoptalk {' '.join(verb)}`: {done.stderr}")


@dataclass(frozen=True)
class Edit:
    """A block of YAML and the file the text before it names."""

    path: str
    text: str


def edits(page: Path) -> list[Edit]:
    """The tutorial's changes in their order."""
    found, place = [], 0
    text = page.read_text(encoding="utf-8")
    for block in re.finditer(r"^```yaml\n(.*?)^```", text, re.M | re.S):
        named = re.findall(r"`([\w/]+\.yml)`", text[place : block.start()])
        found.append(Edit(named[0], block[1]))
        place = block.end()
    return found


def apply(edit: Edit, folder: Path) -> None:
    """Do as the reader would: a new file, new entries of the domain's sections, or lines at the end."""
    path = folder / edit.path
    if edit.path == "domain.yml":
        text = path.read_text(encoding="utf-8")
        for section in re.split(r"\n(?=\w+:\n)", edit.text):
            head, lines = section.strip("\n").split("\n", 1)
            assert f"\n{head}\n" in text, head
            indent = re.search(rf"^{head}\n( *)\S", text, re.M)[1]
            own = re.match(" *", lines)[0]
            moved = "\n".join(indent + line.removeprefix(own) for line in lines.split("\n"))
            text = text.replace(f"\n{head}\n", f"\n{head}\n{moved}\n", 1)
        path.write_text(text, encoding="utf-8")
    elif path.exists():
        path.write_text(path.read_text(encoding="utf-8").rstrip() + "\n" + edit.text, encoding="utf-8")
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(edit.text, encoding="utf-8")


@pytest.mark.timeout(600)
def test_the_tutorial(tmp_path: Path, model: Path) -> None:
    """From the first changed text to the conversation that keeps it from breaking."""
    for name in PROJECT:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)

    def run(*words: str) -> str:
        done = subprocess.run(
            [*SHOPTALK, *words], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=500
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    domain = tmp_path / "domain.yml"
    text = domain.read_text(encoding="utf-8")
    domain.write_text(re.sub(r"(utter_greet:\n\s*- text: )\S.*", r"\1Welcome in!", text, count=1))
    assert "trained nothing" in run("train")
    for edit in edits(ROOT / "docs" / "tutorial.md"):
        apply(edit, tmp_path)
    run("data", "validate")
    assert "trained nlu and dialogue" in run("train")
    told = run("test", "core", "--stories", "tests/bot/test_jobs.yml")
    assert "1 of 1" in told, told


def test_every_dependency_has_its_row_with_the_pinned_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(one for name in extras if name != "dev" for one in extras[name])]
    pins = dict(
        line.lower().replace("_", "-").split("==")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    )
    names = {re.match(r"[\w.-]+", one).group() for one in wanted} - {"shoptalk"}
    page = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    missing = [name for name in sorted(names) if f"| {name} {pins[name.lower()]} |" not in page]
    assert missing == []
