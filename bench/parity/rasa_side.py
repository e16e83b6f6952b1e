"""Runs in Rasa's own Python: what Rasa reads in each project, its verdict on it, and a trained model.

    RASA_PYTHON rasa_side.py OUT.json NAME=FOLDER:DOMAIN:DATA …

One process for all projects, because importing Rasa takes longer than training without learned models.
"""

import asyncio
import contextlib
import io
import json
import os
import signal
import sys
import traceback

PATIENCE_S = 300
"""How long Rasa may take with one project."""


def _importer(domain, data):
    # A new one each time: one that was asked for its domain twice adds end-to-end texts twice.
    from rasa.shared.importers.importer import TrainingDataImporter

    return TrainingDataImporter.load_from_config("config.yml", domain, [data])


def _read(domain, data):
    importer = _importer(domain, data)
    nlu = importer.get_nlu_data()
    known = importer.get_domain()
    examples = []
    for message in nlu.intent_examples:
        found = message.data
        entities = [
            {
                key: entity[key]
                for key in ("start", "end", "entity", "value", "role", "group")
                if entity.get(key) is not None
            }
            for entity in found.get("entities", [])
        ]
        examples.append([found["text"], found.get("intent_response_key") or found["intent"], entities])
    return {
        "examples": examples,
        "synonyms": nlu.entity_synonyms,
        "regexes": sorted([r["name"], r["pattern"]] for r in nlu.regex_features),
        "lookups": sorted(
            [t["name"], sorted(t["elements"])] for t in nlu.lookup_tables if isinstance(t["elements"], list)
        ),
        "responses": sorted(nlu.responses),
        "actions": list(known.action_names_or_texts),
        "slots": {
            s.name: [s.type_name, bool(s.influence_conversation), s.initial_value] for s in known.slots
        },
    }


def _verdict(importer, strict):
    from rasa.cli.utils import validate_files

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            validate_files(strict, None, importer)
    except SystemExit as end:
        return int(bool(end.code))
    return 0


def _train(domain, data):
    import rasa

    with contextlib.redirect_stdout(io.StringIO()):
        # Not forced: `rasa train --force` adds the texts of `bot:` steps twice and then refuses them.
        result = rasa.train(domain, "config.yml", [data], output="models", fixed_model_name="rasa")
    return bool(result.model)


def _stop(signum, frame):
    raise TimeoutError(f"Rasa took more than {PATIENCE_S} s")


def main():
    out, *wanted = sys.argv[1:]
    signal.signal(signal.SIGALRM, _stop)
    results = {}
    for item in wanted:
        name, _, rest = item.partition("=")
        folder, domain, data = rest.rsplit(":", 2)
        os.chdir(folder)
        asyncio.set_event_loop(asyncio.new_event_loop())
        facts = {}
        signal.alarm(PATIENCE_S)
        try:
            facts["read"] = _read(domain, data)
            facts["validate"] = [_verdict(_importer(domain, data), strict) for strict in (False, True)]
            facts["trained"] = _train(domain, data)
        except (Exception, SystemExit) as error:
            facts["error"] = f"{type(error).__name__}: {error}"
            traceback.print_exc()
        signal.alarm(0)
        results[name] = facts
        print(name, "trained" if facts.get("trained") else facts.get("error"), file=sys.stderr, flush=True)
        with open(out, "w") as file:
            json.dump(results, file)


main()
