"""What is wrong with a project is said before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoptalk.errors import ConfigError
from shoptalk.training.train import Options, train

FILES = {
    "config.yml": "language: en\npipeline:\n- name: WhitespaceTokenizer\npolicies:\n- name: RulePolcy\n",
    "domain.yml": 'version: "3.1"\nintents: [greet]\nresponses:\n  utter_greet:\n  - text: Hello\n',
    "data/rules.yml": 'version: "3.1"\nrules:\n- rule: Greet\n  steps:\n  - intent: greet\n  - action: utter_greet\n',
    "data/nlu.yml": 'version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n    - hi\n    - hello\n',
}


def test_a_policy_nobody_knows_stops_before_the_pipeline_is_trained(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    stages: list[str] = []
    with pytest.raises(ConfigError, match=r"RulePolcy.*Did you mean 'RulePolicy'"):
        train(tmp_path, Options(), lambda stage, what, step, of: stages.append(stage))
    assert set(stages) == {"read"}
