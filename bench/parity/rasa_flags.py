"""Runs in Rasa's own Python: every command of Rasa's with its flags, for tests/conformance/.

RASA_PYTHON bench/parity/rasa_flags.py tests/conformance/flags.json
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path


def _value(value):
    """A default as JSON; paths and the like as text."""
    if isinstance(value, (str, int, float, list, type(None))):
        return value
    return str(value)


def _walk(parser, path, out):
    flags, parts = [], {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            parts = action.choices
        elif not isinstance(action, argparse._HelpAction):
            known = {
                "flags": list(action.option_strings) or action.dest,
                "nargs": action.nargs,
                "choices": sorted(action.choices) if action.choices else None,
                "default": _value(action.default),
            }
            if action.dest == "conversation_id":
                del known["default"]  # drawn anew each time
            flags.append({key: value for key, value in known.items() if value is not None})
    out[" ".join(path)] = flags
    for name, part in parts.items():
        _walk(part, [*path, name], out)


def main():
    target = Path(sys.argv[1]).absolute()
    os.chdir(tempfile.mkdtemp())  # some defaults are what is found in the folder
    from rasa.__main__ import create_argument_parser

    out = {}
    _walk(create_argument_parser(), [], out)
    lines = [
        json.dumps(command) + ": [" + "".join(f"\n  {json.dumps(f)}," for f in flags).rstrip(",") + "]"
        for command, flags in out.items()
    ]
    with open(target, "w") as file:
        file.write("{" + ",\n".join(lines) + "}\n")


main()
