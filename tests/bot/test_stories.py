"""The test stories in Rasa's format: every action as written, and nearly every message understood."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shoptalk import assistant
from shoptalk.core.stories import StoryData
from shoptalk.formats.project import load_stories
from shoptalk.testing.stories import Checked, StoryEvaluation, evaluate_stories

pytestmark = pytest.mark.timeout(900)
HERE = Path(__file__).parent
LANGUAGES = ("en", "zh")
# Measured: 100 % of the messages in English, 96 % in Chinese.
UNDERSTOOD = {"en": 0.97, "zh": 0.94}


def _complain(message: str, source: object) -> None:
    raise AssertionError(f"{source}: {message}")


@pytest.fixture(scope="session")
def shop_assistant(model: Path) -> assistant.Assistant:
    """The trained assistant; its actions are not run."""
    return assistant.load(model)


@pytest.fixture(scope="session")
def stories() -> Callable[[str], StoryData]:
    """The test stories of a language."""
    return lambda language: load_stories([HERE / f"test_{language}.yml"], _complain, root=HERE)


def _shown(checked: list[Checked]) -> str:
    return "\n".join(f"{step.source.file}:{step.source.line} {step.right} but {step.got}" for step in checked)


def _steps(found: StoryEvaluation, *, messages: bool) -> list[Checked]:
    return [step for result in found.results for step in result.checked if step.is_message is messages]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_action_is_the_one_written(
    shop_assistant: assistant.Assistant, stories: Callable[[str], StoryData], language: str
) -> None:
    found = await evaluate_stories(shop_assistant, stories(language), understand=False)
    actions = _steps(found, messages=False)
    assert len(found.results) >= 30
    assert len(actions) >= 200
    wrong = [step for step in actions if step.right != step.got]
    assert not wrong, _shown(wrong)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_nearly_every_message_is_understood(
    shop_assistant: assistant.Assistant, stories: Callable[[str], StoryData], language: str
) -> None:
    found = await evaluate_stories(shop_assistant, stories(language))
    messages = _steps(found, messages=True)
    wrong = [step for step in messages if step.right != step.got]
    share = 1 - len(wrong) / len(messages)
    print(f"{language}: {share:.1%} of {len(messages)} messages")
    assert share >= UNDERSTOOD[language], _shown(wrong)
