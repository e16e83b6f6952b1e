"""YAML as Rasa writes it: version 1.2, blocks, single quotes where quotes are needed."""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

_MEANINGS = {
    "null": (r"~|null|Null|NULL|", ("~", "n", "N", "")),
    "bool": (r"true|True|TRUE|false|False|FALSE", tuple("tTfF")),
    "int": (
        r"[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+",
        tuple("-+0123456789"),
    ),
    "float": (
        r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        tuple("-+0123456789."),
    ),
    "timestamp": (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?", tuple("0123456789")),
    "merge": (r"<<", ("<",)),
    "value": (r"=", ("=",)),
}
"""What plain scalars mean that are no texts: pattern, and how they may begin. Source: ruamel.yaml for YAML 1.2."""
_TAG = "tag:yaml.org,2002:"


class _Dumper(yaml.SafeDumper):
    """A dumper that quotes what YAML 1.2 would not read as a text, and nothing else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def choose_scalar_style(self) -> str:
        style: str = super().choose_scalar_style()
        return '"' if style == "'" and "'" in getattr(self.event, "value", "") else style


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(_TAG + "str", value, style='"' if "\n" in value else None)


def _number(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    shown = repr(value) if math.isfinite(value) else {math.inf: ".inf", -math.inf: "-.inf"}.get(value, ".nan")
    return dumper.represent_scalar(_TAG + "float", shown)


_Dumper.yaml_implicit_resolvers = {}
_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _number)
for _meaning, (_pattern, _first) in _MEANINGS.items():
    _Dumper.add_implicit_resolver(_TAG + _meaning, re.compile(rf"(?:{_pattern})\Z"), list(_first))


def block(value: Any) -> list[str]:
    """The lines of a value, at no indentation."""
    text = yaml.dump(
        value, Dumper=_Dumper, allow_unicode=True, default_flow_style=False, sort_keys=False, width=math.inf
    )
    return text.removesuffix("...\n").rstrip("\n").split("\n")


def scalar(value: Any) -> str:
    """A value on one line."""
    return block([value])[0].removeprefix("- ")


def literal(key: str, text: str) -> list[str]:
    """The lines of `key: |` with a text under it."""
    hint = "2" if text.startswith((" ", "\n")) else ""
    keep = "-" if not text.endswith("\n") else "+" if text.endswith("\n\n") or text == "\n" else ""
    lines = text.removesuffix("\n").split("\n")
    return [f"{key}: |{hint}{keep}", *(f"  {line}" if line else "" for line in lines)]
