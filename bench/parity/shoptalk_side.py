"""What Shoptalk reads in a project, its verdict on it, and a trained model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

SHOPTALK = [sys.executable, "-m", "shoptalk.cli"]


def facts_of(folder: Path, domain: str, data: str) -> dict[str, Any]:
    """The same facts as `rasa_side.py` writes."""
    from shoptalk.errors import ShoptalkError
    from shoptalk.formats.project import load_project

    facts: dict[str, Any] = {}
    try:
        project = load_project(folder, domain=folder / domain, data=[folder / data])
    except ShoptalkError as error:
        return {"error": str(error)}
    training, known = project.training_data, project.domain
    facts["read"] = {
        "examples": [
            [
                e.text,
                e.response_key or e.intent,
                [
                    {
                        key: value
                        for key in ("start", "end", "entity", "value", "role", "group")
                        if (value := getattr(span, key)) is not None
                    }
                    for span in e.entities
                ],
            ]
            for e in training.examples
        ],
        "synonyms": dict(training.synonyms),
        "regexes": sorted([r.name, r.pattern] for r in training.regexes),
        "lookups": sorted([t.name, sorted(t.elements)] for t in training.lookups),
        "responses": sorted({*training.responses, *(name for name in known.responses if "/" in name)}),
        "actions": list(known.action_names),
        "slots": {
            s.name: [s.type, s.influence_conversation, s.initial_value] for s in known.all_slots.values()
        },
    }
    common = ["--domain", domain, "--data", data]
    retrieval = {example.intent for example in training.examples if example.response_key}
    facts["in_order"] = (folder / domain).is_file() and len(retrieval) < 2
    facts["validate"] = [
        _run(folder, "data", "validate", *common, *strict) for strict in ((), ("--fail-on-warnings",))
    ]
    facts["trained"] = (
        _run(folder, "train", *common, "--fixed-model-name", "shoptalk", "--skip-validation", "--force") == 0
    )
    return facts


def _run(folder: Path, *arguments: str) -> int:
    with open(folder / "shoptalk.log", "ab") as log:
        return subprocess.run([*SHOPTALK, *arguments], cwd=folder, stdout=log, stderr=log).returncode
