"""What a prediction costs: time and calls with rules and memory, at any length of conversation; TED's training.

    python bench/dialogue/policies.py [PROJECT] [--intent greet] [--turns 1000] [--ted-epochs 100]

Prints one JSON object. Times are of this process's CPU where they say cpu_s, else wall clock.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from shoptalk.core.domain import Domain
from shoptalk.core.events import ActionExecuted, UserUttered
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue import Dialogue
from shoptalk.formats.project import Project, load_project

LIGHT = [
    {"name": "MemoizationPolicy", "max_history": 6},
    {"name": "RulePolicy", "check_for_contradictions": False},
]


def turn(dialogue: Dialogue, tracker: Tracker, domain: Domain, intent: str) -> list[float]:
    """One user turn; seconds of each prediction."""
    parse = {"intent": {"name": intent, "confidence": 1.0}, "entities": []}
    tracker.apply(UserUttered(text=f"/{intent}", parse_data=parse))
    seconds: list[float] = []
    for _ in range(10):
        start = time.perf_counter()
        prediction = dialogue.predict(tracker, domain)
        seconds.append(time.perf_counter() - start)
        name = prediction.action(domain)
        tracker.apply_all(prediction.events)
        tracker.apply(ActionExecuted(name=name, hide_rule_turn=prediction.hide_rule_turn))
        if name == "action_listen":
            break
    return seconds


def own_calls(dialogue: Dialogue, tracker: Tracker, domain: Domain, intent: str) -> int:
    """Python calls of this package in one turn."""
    calls = 0

    def count(frame: Any, event: str, _: Any) -> None:
        nonlocal calls
        calls += event == "call" and "shoptalk" in frame.f_code.co_filename

    sys.setprofile(count)
    try:
        turn(dialogue, tracker, domain, intent)
    finally:
        sys.setprofile(None)
    return calls


def predicting(dialogue: Dialogue, domain: Domain, intent: str, turns: int) -> dict[str, Any]:
    """Microseconds of a prediction at the beginning and at the end of a long conversation."""
    tracker = Tracker("bench", domain.all_slots)
    tracker.apply(ActionExecuted(name="action_listen"))
    seconds = [second for _ in range(turns) for second in turn(dialogue, tracker, domain, intent)]
    tenth = len(seconds) // 10
    return {
        "predictions": len(seconds),
        "median_us": round(1e6 * statistics.median(seconds), 1),
        "p99_us": round(1e6 * statistics.quantiles(seconds, n=100)[98], 1),
        "first_tenth_median_us": round(1e6 * statistics.median(seconds[:tenth]), 1),
        "last_tenth_median_us": round(1e6 * statistics.median(seconds[-tenth:]), 1),
        "calls_per_turn": own_calls(dialogue, tracker, domain, intent),
    }


def training(project: Project, configs: list[dict[str, Any]]) -> tuple[Dialogue, dict[str, Any]]:
    """Trained policies and what it took."""
    dialogue = Dialogue.build(configs)
    start = time.process_time()
    report = dialogue.train(project.stories, project.domain)
    seconds = time.process_time() - start
    saved = dialogue.save()
    size = {
        n: len(json.dumps(s.config)) + sum(t.nbytes for t in s.tensors.values()) for n, s in saved.items()
    }
    return dialogue, {"cpu_s": round(seconds, 2), "bytes": size, **report}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", nargs="?", type=Path, default=Path())
    parser.add_argument("--intent", default="greet")
    parser.add_argument("--turns", type=int, default=1000)
    parser.add_argument("--ted-epochs", type=int, default=0)
    args = parser.parse_args()
    project = load_project(args.project)
    dialogue, report = training(project, LIGHT)
    out: dict[str, Any] = {
        "light": {**report, **predicting(dialogue, project.domain, args.intent, args.turns)}
    }
    if args.ted_epochs:
        import torch

        torch.set_num_threads(1)
        ted = [{"name": "TEDPolicy", "epochs": args.ted_epochs, "max_history": 8}, LIGHT[1]]
        dialogue, report = training(project, ted)
        out["ted"] = {**report, **predicting(dialogue, project.domain, args.intent, min(args.turns, 100))}
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
