"""How truthful, how fast and how large language models are on the shop's own questions.

    python -m bench.generation.run qwen2.5-0.5b qwen2.5-1.5b --sample 30

For each question the model is given the three best passages of the help centre, as the assistant gives it. Its whole
reply is kept and judged twice: as it came, and as the guard lets it through.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from shoptalk.generation import Guard, Limits
from shoptalk.generation.base import LanguageModel
from shoptalk.generation.generator import judge
from shoptalk.generation.local import LocalModel
from shoptalk.generation.prompts import Passage, build_prompt, instructions, relevant
from shoptalk.generation.storage import find_file
from shoptalk.generation.text import SentenceBuffer

QUESTIONS = Path("tests/bot/questions")
UNLIMITED_S = 300.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question, answered."""

    language: str
    grounded: bool
    question: str
    raw: str
    shown: str
    reason: str
    detail: str
    raw_right: bool
    shown_right: bool
    shown_wrong: bool
    first_s: float
    total_s: float
    pieces: int


def questions(language: str, grounded: bool, sample: int) -> list[dict[str, Any]]:
    """Questions of a kind, in an order that does not depend on the file's."""
    rows = yaml.safe_load((QUESTIONS / f"generation_{language}.yml").read_text(encoding="utf-8"))
    kind = [row for row in rows if (row["slug"] is not None) == grounded]
    kind.sort(key=lambda row: hashlib.sha256(row["question"].encode()).hexdigest())
    return kind[:sample]


def right(text: str, row: dict[str, Any]) -> bool:
    """Whether a text says what it must, and nothing it must not."""
    lower = text.lower()
    said = not row["must"] or any(wanted.lower() in lower for wanted in row["must"])
    return bool(text.strip()) and said and not wrong(text, row)


def wrong(text: str, row: dict[str, Any]) -> bool:
    """Whether a text says something it must not."""
    return any(lie.lower() in text.lower() for lie in row["must_not"])


def guarded(raw: str, asked: str, guard: Guard) -> tuple[str, str, str]:
    """What of a reply is shown, and why it stopped."""
    shown = ""
    for sentence in SentenceBuffer().feed(raw, last=True)[:4]:
        verdict = judge(sentence, asked, guard)
        if not verdict.passes:
            return shown.strip(), verdict.reason, f"{verdict.detail} <- {sentence}"
        shown += sentence
    return shown.strip(), "", ""


async def ask(model: LanguageModel, row: dict[str, Any], language: str, limits: Limits) -> Outcome:
    """One question to a model."""
    from shop import knowledge

    found = knowledge.search(row["question"], language, limit=3)
    passages = relevant([Passage(hit.article.title, hit.article.text, hit.score) for hit in found])
    prompt = build_prompt(row["question"], passages, (), language)
    begun, first, pieces = time.monotonic(), 0.0, []
    async for piece in model.stream(prompt, limits):
        first = first or time.monotonic() - begun
        pieces.append(piece)
    total = time.monotonic() - begun
    raw = "".join(pieces)
    shown, reason, detail = guarded(
        raw,
        row["question"],
        Guard([str(p) for p in passages], language, [instructions(language, talk=not passages)]),
    )
    return Outcome(
        language=language,
        grounded=row["slug"] is not None,
        question=row["question"],
        raw=raw,
        shown=shown,
        reason=reason,
        detail=detail,
        raw_right=right(raw, row),
        shown_right=right(shown, row),
        shown_wrong=bool(shown) and wrong(shown, row),
        first_s=first,
        total_s=total,
        pieces=len(pieces),
    )


def spent() -> tuple[float, float]:
    """Memory in megabytes and CPU seconds of this process and the model's."""
    import psutil

    own = psutil.Process()
    family = [own, *own.children(recursive=True)]
    times = [process.cpu_times() for process in family]
    return sum(p.memory_info().rss for p in family) / 1e6, sum(t.user + t.system for t in times)


def summary(
    name: str, outcomes: Sequence[Outcome], cpu_s: float, load_s: float, memory_mb: float
) -> dict[str, Any]:
    """The figures of one model."""
    rows: dict[str, Any] = {"model": name, "load_s": round(load_s, 1), "memory_mb": round(memory_mb)}
    for language in ("en", "zh"):
        for grounded in (True, False):
            part = [o for o in outcomes if o.language == language and o.grounded == grounded]
            if not part:
                continue
            kind = f"{language}_{'grounded' if grounded else 'free'}"
            rows[kind] = {
                "n": len(part),
                "raw_right": share(o.raw_right for o in part),
                "shown_right": share(o.shown_right for o in part),
                "shown_wrong": share(o.shown_wrong for o in part),
                "handed_off": share(not o.shown for o in part),
                "cut_short": share(bool(o.shown and o.reason) for o in part),
            }
    firsts = sorted(o.first_s for o in outcomes)
    tokens = sum(o.pieces for o in outcomes)
    rows["first_token_ms"] = {
        "median": round(1000 * firsts[len(firsts) // 2]),
        "p95": round(1000 * firsts[int(0.95 * (len(firsts) - 1))]),
    }
    decoding = sum(o.total_s - o.first_s for o in outcomes)
    rows["tokens_per_s"] = round(tokens / max(decoding, 0.01), 1)
    rows["tokens_per_cpu_s"] = round(tokens / max(cpu_s, 0.01), 1)
    return rows


def share(values: Any) -> float:
    """Of what is true, in percent."""
    listed = list(values)
    return round(100 * sum(listed) / len(listed), 1)


async def measure(name: str, sample: int, free: int, threads: int, out: Path) -> dict[str, Any]:
    """Ask one model all questions."""
    before, _ = spent()
    model = LocalModel.from_path(find_file(name), threads=threads)
    limits = Limits(tokens=96, seconds=UNLIMITED_S)
    begun = time.monotonic()
    warm = {"question": "Hello", "slug": None, "must": [], "must_not": []}
    for language in ("en", "zh"):
        await ask(model, warm, language, limits)
    load_s = time.monotonic() - begun
    _, begun_cpu = spent()
    outcomes = []
    for language in ("en", "zh"):
        for grounded, count in ((True, sample), (False, free)):
            for row in questions(language, grounded, count):
                outcomes.append(await ask(model, row, language, limits))
                print(".", end="", flush=True, file=sys.stderr)
    memory, cpu = spent()
    result = summary(name, outcomes, cpu - begun_cpu, load_s, memory - before)
    await model.close()
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(
        json.dumps(
            {"summary": result, "outcomes": [asdict(o) for o in outcomes]}, ensure_ascii=False, indent=1
        )
    )
    return result


def main() -> None:
    """Measure the models named."""
    parser = argparse.ArgumentParser(description="Truthfulness, speed and memory of language models.")
    parser.add_argument("models", nargs="+", help="names of the catalogue, .gguf files or model folders")
    parser.add_argument("--sample", type=int, default=60, help="grounded questions a language")
    parser.add_argument("--free", type=int, default=40, help="free questions a language")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/generation"))
    args = parser.parse_args()
    for name in args.models:
        print(
            json.dumps(asyncio.run(measure(name, args.sample, args.free, args.threads, args.out)), indent=1)
        )


if __name__ == "__main__":
    main()
