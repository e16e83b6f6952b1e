"""Of what several policies predict, one wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shoptalk.core.domain import ACTION_LISTEN, Domain
from shoptalk.core.events import ActionExecuted, ActionExecutionRejected, Event, UserFeaturization
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue.policies.base import Prediction


def combine(predictions: Sequence[Prediction], tracker: Tracker, domain: Domain) -> Prediction:
    """The winner, with everything to apply in its `events`.

    A prediction that ignores the user beats all others; else one that rests on the user's text does; else the
    highest score wins, then the highest priority, then the first. An action that has just been rejected cannot win.

    Args:
        predictions: one per policy, in the order of config.yml.
        tracker: the conversation they are about.
        domain: for the places of actions.
    """
    if not predictions:
        return Prediction([0.0] * len(domain.action_names))
    rejected = rejected_place(tracker, domain)
    if rejected is not None:
        predictions = [without(prediction, rejected) for prediction in predictions]
    winner = predictions[winner_index(predictions)]
    events: list[Event] = [event for prediction in predictions for event in prediction.events]
    events += winner.optional_events
    if tracker.latest_action_name == ACTION_LISTEN:
        events.append(UserFeaturization(use_text_for_featurization=winner.is_end_to_end))
    return replace(winner, events=tuple(events), optional_events=())


def winner_index(predictions: Sequence[Prediction]) -> int:
    """Place of the prediction that wins."""
    level = 0
    best, place = (-1.0, -1), 0
    for index, prediction in enumerate(predictions):
        own = 2 if prediction.is_no_user else int(prediction.is_end_to_end)
        if own < level:
            continue
        rank = (max(prediction.probabilities, default=0.0), prediction.priority)
        if own > level or rank > best:
            level, best, place = own, rank, index
    return place


def rejected_place(tracker: Tracker, domain: Domain) -> int | None:
    """Place of the action that was rejected after the last one that ran."""
    for event in reversed(tracker.events):
        if isinstance(event, ActionExecuted):
            return None
        if isinstance(event, ActionExecutionRejected):
            return domain.action_index.get(event.name)
    return None


def without(prediction: Prediction, place: int) -> Prediction:
    """A prediction that gives the action at a place no chance."""
    scores = list(prediction.probabilities)
    scores[place] = 0.0
    return replace(prediction, probabilities=scores)
