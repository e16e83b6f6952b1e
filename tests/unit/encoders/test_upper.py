"""The last layers of an encoder apart from it give what the whole encoder gives."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from shoptalk.encoders import load_encoder
from shoptalk.encoders.upper import UpperLayers, pretrained_upper
from shoptalk.errors import ComponentError


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("runtime", ["onnx", "torch-fp32"])
def test_continue_where_the_encoder_was_cut(tiny_bert: Path, runtime: str, count: int) -> None:
    encoded = load_encoder(str(tiny_bert), runtime).encode(
        ["where is my order", "red"], (1, 2), whole=2 - count
    )
    upper = UpperLayers(*pretrained_upper(str(tiny_bert), count), quantised=False)
    for row, expected in enumerate(encoded.hidden):
        found = upper.run(encoded.whole[row])
        assert found.shape == (count, len(encoded.inside[row]) + 2, 32)
        np.testing.assert_allclose(found[-1][encoded.inside[row]], expected[-1], atol=4e-3)
        np.testing.assert_allclose(found[-1].mean(axis=0), encoded.sentence[row], atol=4e-3)


def test_small_numbers_lose_little(tiny_bert: Path) -> None:
    below = load_encoder(str(tiny_bert), "onnx").encode(["where is my order"], whole=0).whole[0]
    shape, state = pretrained_upper(str(tiny_bert), 2)
    exact, rough = (UpperLayers(shape, state, quantised=q).run(below)[-1].ravel() for q in (False, True))
    assert exact @ rough / np.linalg.norm(exact) / np.linalg.norm(rough) > 0.98


def test_other_architectures_are_refused(tiny_bert: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(tiny_bert, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}))
    with pytest.raises(ComponentError, match="cannot be tuned"):
        pretrained_upper(str(folder), 1)
