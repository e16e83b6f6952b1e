"""A name for the code that trains: other code may train otherwise and keep other things."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import shoptalk

PACKAGE = Path(shoptalk.__file__).parent


@cache
def code_of(*packages: str) -> str:
    """A digest of every module of the named packages of this framework."""
    digest = hashlib.sha256(shoptalk.__version__.encode())
    for package in packages:
        for path in sorted((PACKAGE / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def code_of_users(names: Iterable[str]) -> list[str]:
    """Digests of the modules that dotted names (of the user's own classes) live in."""
    out = []
    for name in names:
        module, dot, _ = name.rpartition(".")
        spec = importlib.util.find_spec(module) if dot else None
        if spec is not None and spec.origin:
            out.append(hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()[:16])
    return out
