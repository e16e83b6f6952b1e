"""Mutates good inputs of everything that reads foreign bytes; only errors of ours may come out, and soon.

    python tests/security/fuzzing.py [--seconds 60] [--target NAME ...] [--seed 1]

With atheris installed (`pip install atheris`) and `--atheris NAME`, coverage leads the way instead of chance. What
crashed is written to `corpus/<target>-<digest>`; `test_fuzz.py` replays that folder in every run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy

from shoptalk import archive
from shoptalk.actions.interpolation import fill_text
from shoptalk.archive import Archive, Saved
from shoptalk.channels.inbound import read_form, read_json
from shoptalk.core.events import decode
from shoptalk.errors import ShoptalkError
from shoptalk.formats import config, domain, nlu, stories
from shoptalk.formats.yaml import Map, read_text
from shoptalk.nlu.regex_message import read_literal
from shoptalk.server import api

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
LIMIT_S = 1.0
TOKENS = [
    b"{", b"}", b"[", b"]", b":", b"- ", b"\n", b"  ", b'"', b"'", b"|", b">", b"&a ", b"*a", b"!!python/object:x", b"<<: *a", b"null",
    b"\x00", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"1e999", b"NaN", b"-1", b"9" * 30, b"0x", b"#", b"%", b"---", b"...", b"\t", b"(", b")",
]  # fmt: skip


def _quiet(message: str, source: Any) -> None:
    """Warnings are of no interest."""


def _mapping(text: str) -> Map | None:
    content = read_text(text)
    return content if isinstance(content, Map) else None


def fuzz_yaml(data: bytes) -> None:
    read_text(data.decode("utf-8", "replace"))


def _reads(read: Callable[[Map], Any]) -> Callable[[bytes], None]:
    def target(data: bytes) -> None:
        content = _mapping(data.decode("utf-8", "replace"))
        if content is not None:
            read(content)

    return target


def fuzz_archive(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".tar.gz") as file:
        file.write(data)
        file.flush()
        archive.read(Path(file.name))


def fuzz_events(data: bytes) -> None:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return
    for item in content if isinstance(content, list) else [content]:
        decode(api._checked(item), strict=True).as_dict()


def fuzz_literal(data: bytes) -> None:
    parsed = read_literal("/" + data.decode("utf-8", "replace"), None, None)
    json.dumps(parsed, allow_nan=False)


def fuzz_template(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert len(fill_text(text, {"a": "{b}", "b": "x"})) <= 3 * len(text) + 3


def fuzz_webhook(data: bytes) -> None:
    read_form(data)
    read_json(data)


def _archive() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.tar.gz"
        archive.write(
            path, Archive({"model_id": "m"}, {"nlu/a": Saved({"w": [1]}, {"t": numpy.zeros(4, "f4")})})
        )
        return path.read_bytes()


def _guarded(name: str) -> bytes:
    import guarded

    return str(getattr(guarded, name)).encode()


EVENTS = [
    {"event": "user", "text": "hi", "timestamp": 1.0, "parse_data": {"intent": {"name": "a"}, "entities": [{"entity": "b", "value": 1}]}},
    {"event": "slot", "name": "s", "value": [1], "timestamp": 2},
    {"event": "action", "name": "a", "policy": "p", "confidence": 1.0},
    {"event": "reminder", "intent": "a", "entities": None, "date_time": "2030-01-01T00:00:00", "name": "r", "kill_on_user_msg": True},
    {"event": "bot", "text": "x", "data": {"buttons": None}, "metadata": {}},
]  # fmt: skip
Target = Callable[[bytes], None]
TARGETS: dict[str, tuple[Target, Callable[[], list[bytes]]]] = {
    "yaml": (
        fuzz_yaml,
        lambda: [_guarded("DOMAIN"), _guarded("NLU"), b"a: &x [1, 2]\nb: *x\nc: |\n  text\n"],
    ),
    "domain": (_reads(lambda content: domain.read(content, _quiet)), lambda: [_guarded("DOMAIN")]),
    "nlu": (_reads(lambda content: nlu.read(content, _quiet)), lambda: [_guarded("NLU")]),
    "stories": (_reads(lambda content: stories.read(content, _quiet)), lambda: [_guarded("RULES")]),
    "config": (_reads(config.read), lambda: [_guarded("CONFIG")]),
    "archive": (fuzz_archive, lambda: [_archive()]),
    "events": (fuzz_events, lambda: [json.dumps(EVENTS).encode(), *(json.dumps(e).encode() for e in EVENTS)]),
    "literal": (fuzz_literal, lambda: [b'order{"order_id": "1", "city": ["a", 2.5]}@0.5', b"greet"]),
    "template": (fuzz_template, lambda: [b"x {a} {{b}} {b} {c!r:>9}"]),
    "webhook": (fuzz_webhook, lambda: [b"a=1&b=%20&c", b'{"a": {"b": [1]}}']),
}


def mutated(draw: random.Random, seeds: list[bytes]) -> bytes:
    """A seed with a few things changed."""
    data = bytearray(draw.choice(seeds))
    for _ in range(draw.randint(1, 6)):
        at = draw.randint(0, len(data))
        kind = draw.randrange(6)
        if kind == 0 and data:
            data[min(at, len(data) - 1)] ^= 1 << draw.randrange(8)
        elif kind == 1:
            data[at:at] = draw.choice(TOKENS)
        elif kind == 2:
            del data[at : at + draw.randint(1, 20)]
        elif kind == 3:
            piece = bytes(data[at : at + draw.randint(1, 60)])
            place = draw.randint(0, len(data))
            data[place:place] = piece
        elif kind == 4:
            data[at:at] = bytes(draw.randrange(256) for _ in range(draw.randint(1, 4)))
        else:
            other = draw.choice(seeds)
            data[at:] = other[draw.randint(0, len(other)) :]
    return bytes(data)


def attempt(name: str, data: bytes) -> str:
    """What is wrong with how a target takes an input; nothing if all is well."""
    begin = time.thread_time()
    try:
        TARGETS[name][0](data)
    except ShoptalkError:
        pass
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    took = time.thread_time() - begin
    return f"took {took:.1f} s" if took > LIMIT_S else ""


def keep(name: str, data: bytes) -> Path:
    """Put an input into the corpus."""
    path = CORPUS / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    return path


def campaign(name: str, seconds: float, seed: int, most: int = 10**9) -> tuple[int, list[str]]:
    """Mutate for some time; how many inputs, and what was wrong."""
    draw, seeds = random.Random(seed), TARGETS[name][1]()
    stop, count, wrong, kinds = time.monotonic() + seconds, 0, list[str](), set[str]()
    while time.monotonic() < stop and count < most:
        data, count = mutated(draw, seeds), count + 1
        problem = attempt(name, data)
        if problem and problem.split(":")[0] not in kinds:
            kinds.add(problem.split(":")[0])
            wrong.append(f"{keep(name, data).name}: {problem[:200]}")
    return count, wrong


def by_coverage(name: str) -> None:
    """Let atheris look for inputs, until it is stopped."""
    import atheris

    def once(data: bytes) -> None:
        problem = attempt(name, data)
        if problem:
            keep(name, data)
            raise AssertionError(problem)

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], "-max_len=20000"], once)
    atheris.Fuzz()


def main() -> int:
    """Fuzz and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="a target")
    parser.add_argument("--target", nargs="*", choices=sorted(TARGETS), default=sorted(TARGETS))
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--atheris", choices=sorted(TARGETS), help="one target, led by coverage")
    options = parser.parse_args()
    if options.atheris:
        by_coverage(options.atheris)
    failed = 0
    for name in options.target:
        count, wrong = campaign(name, options.seconds, options.seed)
        failed += len(wrong)
        print(f"S3 {name:<10}{count:>9} inputs, {len(wrong)} wrong (seed {options.seed})", *wrong, sep="\n  ")
    return int(failed > 0)


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    sys.exit(main())
