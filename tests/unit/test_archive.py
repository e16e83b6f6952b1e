"""Parts of archives: what a component keeps is opened only by code that keeps the same."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pytest

from shoptalk import archive
from shoptalk.archive import Archive, Saved, load_part, save_part
from shoptalk.errors import ArchiveError


class Counter:
    """A component that keeps a number."""

    form: ClassVar[int] = 3

    def __init__(self, count: int) -> None:
        self.count = count

    def save(self) -> Saved:
        return Saved({"count": self.count}, {"zeros": np.zeros(2, np.float32)})

    @classmethod
    def load(cls, config: Any, saved: Saved) -> Self:
        return cls(saved.config["count"])


def test_the_form_goes_with_what_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "model.tar.gz"
    archive.write(path, Archive({}, {"nlu/00-Counter": save_part(Counter(7))}))
    kept = archive.read(path).parts["nlu/00-Counter"]
    assert kept.form == 3
    assert load_part(Counter, {}, kept).count == 7


@pytest.mark.parametrize("form", [1, 4])
def test_another_form_is_refused_by_the_name_of_its_component(form: int) -> None:
    kept = replace(save_part(Counter(7)), form=form)
    with pytest.raises(
        ArchiveError, match=f"Counter learnt is kept in form {form}.* reads form 3. Train again"
    ):
        load_part(Counter, {}, kept)


def test_what_lacks_a_key_is_refused_by_the_name_of_its_component() -> None:
    with pytest.raises(ArchiveError, match=r"Counter learnt does not fit .*KeyError: 'count'.* Train again"):
        load_part(Counter, {}, Saved({}, {}, form=3))


def test_archives_that_name_no_forms_hold_the_first(tmp_path: Path) -> None:
    path = tmp_path / "model.tar.gz"
    archive.write(path, Archive({}, {"policy": Saved({"a": 1})}))
    with tarfile.open(path) as tar:
        contents = {m.name: tar.extractfile(m).read() for m in tar.getmembers()}
    manifest = json.loads(contents["manifest.json"])
    assert manifest.pop("forms") == {"policy": 1}
    contents["manifest.json"] = json.dumps(manifest).encode()
    with tarfile.open(path, "w:gz") as tar:
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    assert archive.read(path).parts["policy"] == Saved({"a": 1}, {}, form=1)
