"""What a step of the pipeline is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.nlu.message import Message

TOKENS = "tokens"
FEATURES = "features"
INTENT = "intent"
ENTITIES = "entities"


@runtime_checkable
class Component(Protocol):
    """One step: learns from examples, then works on messages in place.

    `requires` names what must have been provided before (TOKENS, FEATURES, INTENT, ENTITIES), an optional `wants`
    what it makes no sense without; `provides` what this step adds. Steps that provide TOKENS or FEATURES also run over
    the training messages, because later steps learn from what they write.

    A component may also define `warm_start(saved: Saved) -> None`: called before `train` with its own earlier
    state when the project was trained before, so that a small change costs little; `extra_examples(data)`:
    further texts it wants featurised, which follow the examples in its `messages`; `report() -> dict`: figures of
    its training, for people; `finish_training()`: free what only training needs; `use_pipeline(pipeline)`: told of
    the pipeline it stands in.
    """

    requires: ClassVar[tuple[str, ...]]
    provides: ClassVar[tuple[str, ...]]

    def __init__(self, config: dict[str, Any]) -> None: ...

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Learn from `data`; `messages` are its examples as the earlier steps left them, in the same order."""
        ...

    def process(self, messages: list[Message]) -> None:
        """Work on messages in place; one message is a batch of one."""
        ...

    def save(self) -> Saved:
        """All that `load` needs: JSON and tensors."""
        ...

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """The component as it was when saved."""
        ...


def origins(config: dict[str, Any]) -> Sequence[str]:
    """The featurizer aliases a component is told to use; empty means all."""
    chosen: Sequence[str] = config.get("featurizers") or ()
    return chosen
