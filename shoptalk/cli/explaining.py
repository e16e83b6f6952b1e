"""Why a message was understood as it was, in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

NEAREST_SHOWN = 3
STRONG = 0.005
"""Weights below this share are not shown."""


def print_explanation(console: Console, result: Mapping[str, Any]) -> None:
    """Print the key `explain` of a parse result: words, nearest examples, thresholds, components."""
    from rich.markup import escape

    found = result.get("explain")
    if not found:
        return
    for line in explanation(result):
        console.print(f"[dim]     {escape(line)}[/]")


def explanation(result: Mapping[str, Any]) -> list[str]:
    """The lines that say it."""
    found = result["explain"]
    out = [_compared(found)]
    for intent in found["intents"]:
        weighed = _weighed(found["words"], intent["name"])
        if weighed:
            out.append(f"words for {intent['name']}: {weighed}")
    for near in found["nearest"][:NEAREST_SHOWN]:
        out.append(f"like {near['text']!r} ({near['intent']}, {near['cosine']:.2f})")
    out += [line for step in found.get("steps", ()) if (line := _step(step))]
    return [line for line in out if line]


def _compared(found: Mapping[str, Any]) -> str:
    parts = [f"{i['name']} {i['confidence']:.3f}" for i in found["intents"]]
    limits = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in found["thresholds"].items())
    margin = f", margin {found['margin']:.3f}" if found["margin"] is not None else ""
    return (
        " before ".join(parts) + margin + (f"; asks back below: {limits}" if limits else "") if parts else ""
    )


def _weighed(words: Sequence[Mapping[str, Any]], intent: str) -> str:
    strong = [w for w in words if abs(w["weights"].get(intent, 0.0)) >= STRONG]
    return "  ".join(f"{w['text']} {w['weights'][intent]:+.2f}" for w in strong)


def _step(step: Mapping[str, Any]) -> str:
    said: list[str] = []
    if "intent" in step:
        said.append(f"{step['intent']['name']} {step['intent']['confidence']:.2f}")
    said += [_entity(entity) for entity in step.get("entities", ())]
    if step.get("read_as"):
        said.append(f"read as {step['read_as']!r}")
    if step.get("removed"):
        said.append(f"took {step['removed']} away")
    said += [
        f"{key} {value['label']} {value['score']:.2f}" for key, value in step.items() if _is_label(value)
    ]
    return f"{step['component']} ({step['ms']:.1f} ms): {', '.join(said)}" if said else ""


def _is_label(value: Any) -> bool:
    return isinstance(value, dict) and {"label", "score"} <= value.keys()


def _entity(entity: Mapping[str, Any]) -> str:
    name = entity["entity"] + (f":{entity['role']}" if entity.get("role") else "")
    info = entity.get("additional_info")
    meant = _value(info) if isinstance(info, dict) else entity["value"]
    return f"{name}={meant!r}"


def _value(info: Mapping[str, Any]) -> Any:
    if info.get("type") == "interval":
        return " to ".join(str((info.get(edge) or {}).get("value", "…")) for edge in ("from", "to"))
    unit = info.get("unit") or info.get("grain")
    return f"{info.get('value')} {unit}" if unit else info.get("value")
