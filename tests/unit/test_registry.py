"""Classes of a project's own, by dotted path."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoptalk import registry
from shoptalk.errors import ConfigError


def test_a_component_written_for_rasa_is_not_taken_for_a_missing_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "written_for_rasa.py").write_text(
        "from rasa.engine.graph import GraphComponent\n\nclass Speller(GraphComponent):\n    pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=r"written for Rasa's own code.*here\. Port .*migrating-from-rasa"):
        registry.resolve("component", "written_for_rasa.Speller")
    with pytest.raises(
        ConfigError, match="Write `name: JiebaTokenizer` if our component of that name will do"
    ):
        registry.resolve("component", "written_for_rasa.JiebaTokenizer")


def test_a_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needs_something.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match="module 'no_such_package' is missing"):
        registry.resolve("component", "needs_something.Thing")


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("policy", "MappingPolicy", "RulePolicy does this by rules"),
        ("policy", "FlowPolicy", "Rasa Pro"),
        ("component", "CompactLLMCommandGenerator", "Rasa Pro"),
        ("component", "HFTransformersNLP", "LanguageModelFeaturizer"),
    ],
)
def test_names_of_other_rasas_say_what_became_of_them(kind: str, name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        registry.resolve(kind, name)
