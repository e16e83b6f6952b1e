"""Write an encoder of Shoptalk's into a folder that Rasa's `BertFeaturizer` reads; run with Shoptalk's Python.

python integrations/rasa/export_encoder.py multilingual-e5-small encoders/multilingual-e5-small
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

FILES = ("graph.onnx", "words.npy", "extra.npz")


def export(name: str, target: Path, *, quantised: bool = False) -> None:
    """Write the encoder `name` into the folder `target`; `quantised` for 8-bit weights, a quarter of the size.

    Raises:
        ComponentError: the encoder is not on this machine; the message says how to get it.
    """
    from shoptalk.encoders.locate import find_model
    from shoptalk.encoders.onnx_runtime import exported_files

    folder = find_model(name)
    files = exported_files(folder, quantised)
    target.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        shutil.copyfile(files / file, target / file)
    shutil.copyfile(folder.path / "tokenizer.json", target / "tokenizer.json")
    facts = {
        "name": folder.name,
        "fingerprint": folder.fingerprint,
        "sentence_layers": list(folder.sentence_layers),
    }
    (target / "encoder.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("name", help="encoder: of the catalogue, or a model folder")
    parser.add_argument("target", type=Path, help="folder to write")
    parser.add_argument(
        "--int8", action="store_true", help="8-bit weights: smaller, faster, a little less exact"
    )
    args = parser.parse_args()
    export(args.name, args.target, quantised=args.int8)
    print(f"{args.name} is in {args.target}")
