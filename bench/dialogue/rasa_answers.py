"""Runs in Rasa's own Python: trains copies of projects and writes down what Rasa's policies answer.

    RASA_PYTHON rasa_answers.py ASKED.json ANSWERED.json

Walks follow what the policies of the first seed decide; those of the second are asked at the same places.
"""

import contextlib
import io
import json
import logging
import os
import sys
import time

MOST_STEPS = 8


def train(folder):
    import rasa

    os.chdir(folder)
    domain = "domain" if os.path.isdir("domain") else "domain.yml"
    with contextlib.redirect_stdout(io.StringIO()):
        result = rasa.train(domain, "config.yml", ["data"], output="models", fixed_model_name="rasa")
    return result.model


class Asked:
    """A trained model's policies."""

    def __init__(self, model):
        from rasa.core.agent import Agent

        self.processor = Agent.load(model).processor
        self.domain = self.processor.domain
        self.target = self.processor.model_metadata.core_target
        nodes = self.processor.model_metadata.predict_schema.nodes
        self.learned = {
            kind: next((name for name in nodes if name.startswith(f"run_{kind}")), None)
            for kind in ("TEDPolicy", "UnexpecTEDIntentPolicy")
        }

    def tracker(self):
        from rasa.shared.core.trackers import DialogueStateTracker

        return DialogueStateTracker("bench", self.domain.slots)

    def name(self, prediction):
        return self.domain.action_names_or_texts[prediction.max_confidence_index]

    def ask(self, tracker):
        """The winner, and in short what it and TED say."""
        names = [name for name in self.learned.values() if name]
        found = self.processor.graph_runner.run(
            inputs={"__tracker__": tracker}, targets=[self.target, *names]
        )
        winner = found[self.target]
        out = {
            "action": self.name(winner),
        }
        ted = found.get(self.learned["TEDPolicy"])
        if ted is not None and ted.max_confidence > 0:
            out["ted"] = [self.name(ted), round(float(ted.max_confidence), 3)]
        unlikely = found.get(self.learned["UnexpecTEDIntentPolicy"])
        if unlikely is not None:
            out["unlikely"] = bool(unlikely.max_confidence > 0)
        if winner.hide_rule_turn:
            out["hidden"] = True
        return winner, out


def walk(models, messages):
    from rasa.shared.core.events import (
        ActionExecuted,
        ActiveLoop,
        SlotSet,
        UserUtteranceReverted,
        UserUttered,
    )

    first, others = models[0], models[1:]
    tracker, domain = first.tracker(), first.domain
    tracker.update(ActionExecuted("action_listen"), domain)
    turns = []
    for message in messages:
        intent = {"name": message["intent"], "confidence": 1.0}
        entities = message.get("entities", [])
        parse = {"text": "", "intent": intent, "entities": entities}
        tracker.update(UserUttered("/" + message["intent"], intent, entities, parse), domain)
        for name, value in message.get("slots", {}).items():
            tracker.update(SlotSet(name, value), domain)
        steps = []
        for _ in range(MOST_STEPS):
            winner, step = first.ask(tracker)
            step["others"] = [other.ask(tracker)[1] for other in others]
            events = [e.as_dict() for e in winner.events if e.type_name != "user_featurization"]
            if events:
                step["events"] = [{k: v for k, v in e.items() if k != "timestamp"} for e in events]
            steps.append(step)
            tracker.update_with_events(winner.events, domain)
            action = step["action"]
            tracker.update(ActionExecuted(action, hide_rule_turn=winner.hide_rule_turn), domain)
            if action == "action_default_fallback":
                tracker.update(UserUtteranceReverted(), domain)
                tracker.update(ActionExecuted("action_listen"), domain)
            if action in ("action_listen", "action_default_fallback"):
                break
            if action in domain.form_names:
                running = tracker.active_loop_name == action
                tracker.update(ActiveLoop(None if running else action), domain)
        turns.append(steps)
    return turns


def story(model, events):
    from rasa.shared.core.events import Event, UserUttered

    tracker, domain = model.tracker(), model.domain
    out = []
    for wire in events:
        if wire["event"] == "user":
            intent = {"name": wire["intent"], "confidence": 1.0}
            entities = wire.get("entities", [])
            event = UserUttered("", intent, entities, {"text": "", "intent": intent, "entities": entities})
        else:
            event = Event.from_parameters({"timestamp": 0.0, **wire})
        if wire["event"] == "action" and not wire.get("unpredictable"):
            _, said = model.ask(tracker)
            out.append([said["action"], *said.get("ted", [None, 0.0])])
        elif wire["event"] == "action":
            out.append(None)
        tracker.update(event, domain)
    return out


def main():
    import structlog

    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asked, answered = sys.argv[1:]
    with open(asked) as file:
        projects = json.load(file)
    for project in projects:
        started = time.process_time()
        models = [Asked(train(folder)) for folder in project["seeds"]]
        out = {"walks": [walk(models, messages) for messages in project["walks"]]}
        out["folds"] = []
        for folder, stories in zip(project["folds"], project["told"], strict=True):
            model = Asked(train(folder))
            out["folds"].append([story(model, events) for events in stories])
        out["cpu_s"] = round(time.process_time() - started, 1)
        with open(os.path.join(answered, project["name"] + ".json"), "w") as file:
            json.dump(out, file)
        print(project["name"], out["cpu_s"], file=sys.stderr, flush=True)


main()
