"""What stands in which file of a domain in several."""

from __future__ import annotations

from pathlib import Path

from shoptalk.formats.project import load_project
from shoptalk.formats.validate import check


def test_findings_name_the_file_that_a_name_stands_in(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "domain").mkdir()
    (tmp_path / "config.yml").write_text("pipeline: []\npolicies: []\n")
    (tmp_path / "domain" / "a.yml").write_text(
        "\nintents: [hi]\nslots:\n  one: {type: text, mappings: [{type: custom}]}\n"
    )
    (tmp_path / "domain" / "b.yml").write_text(
        "intents:\n- hi\n- bye\nresponses:\n  utter_bye: [{text: Bye}]\n"
    )
    project = load_project(tmp_path)
    places = {
        (finding.source.file, finding.source.line) for finding in check(project) if "'bye'" in finding.message
    }
    assert places == {("domain/b.yml", 3)}
    assert project.domain.slots["one"].source.file == "domain/a.yml"
    assert sorted(project.domain.raw["intents"]) == ["bye", "hi"]
