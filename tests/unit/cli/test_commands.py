"""Commands on a small project: what they write, what they say, how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from shoptalk.formats.project import load_project, load_stories

from .conftest import Shoptalk

Typed = Callable[..., None]


def test_init_makes_a_project_without_errors_or_warnings(
    tmp_path: Path, shoptalk: Shoptalk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = shoptalk("init", "--no-prompt", "--no-train", "--init-dir", str(tmp_path))
    assert ran.status == 0
    assert "data/nlu.yml" in ran.out
    monkeypatch.chdir(tmp_path)
    checked = shoptalk("data", "validate", "--all", "--fail-on-warnings")
    assert (checked.status, checked.out) == (0, "0 errors, 0 warnings, 0 notes.\n")
    tests = load_stories([tmp_path / "tests"], lambda message, source: None, root=tmp_path)
    assert len(tests.stories) == 2


def test_init_overwrites_nothing(project: Path, shoptalk: Shoptalk) -> None:
    ran = shoptalk("init", "--no-prompt", "--init-dir", str(project))
    assert ran.status == 1
    assert "There is already a file" in ran.err
    assert not (project / "credentials.yml").exists()


def test_init_without_prompt_wants_a_folder_that_exists(tmp_path: Path, shoptalk: Shoptalk) -> None:
    ran = shoptalk("init", "--no-prompt", "--init-dir", str(tmp_path / "nowhere"))
    assert ran.status == 1
    assert "does not exist" in ran.err


def test_shell_answers_takes_buttons_by_number_and_explains(
    trained: Path, shoptalk: Shoptalk, typed: Typed
) -> None:
    typed("hello", "1", "/slots", "/stop")
    ran = shoptalk("shell", "--explain")
    assert ran.status == 0
    assert "bot> Hello!\n     1 Buy an apple\n" in ran.out
    assert "bot> One apple." in ran.out
    assert 'fruit = "apple"' in ran.out
    assert "MemoizationPolicy 1.00  story 'greet and buy' data/stories.yml:4" in ran.out


def test_shell_nlu_prints_json(trained: Path, shoptalk: Shoptalk, typed: Typed) -> None:
    typed("a pear please")
    out = shoptalk("shell", "nlu").out
    parse = json.loads(out[out.index("{") :])
    assert parse["intent"]["name"] == "buy"
    assert [e["value"] for e in parse["entities"]] == ["pear"]


def test_train_refuses_a_slot_that_the_domain_lacks(project: Path, shoptalk: Shoptalk) -> None:
    path = project / "data/stories.yml"
    path.write_text(path.read_text().replace("- fruit: apple\n  - action", "- friut: apple\n  - action"))
    ran = shoptalk("train", "--quiet", "--skip-validation")
    assert ran.status == 1
    assert "data/stories.yml:12: Slot 'friut' is not in the domain. Did you mean 'fruit'?" in ran.err


def test_train_again_does_nothing_and_a_dry_run_says_so(trained: Path, shoptalk: Shoptalk) -> None:
    assert shoptalk("train", "--dry-run", "--quiet").status == 0
    assert "Nothing changed" in shoptalk("train", "--quiet").out
    assert shoptalk("train", "--dry-run", "--quiet", "--force").status == 9


def test_train_several_configs_is_for_core(project: Path, shoptalk: Shoptalk) -> None:
    (project / "other.yml").write_text((project / "config.yml").read_text())
    refused = shoptalk("train", "-c", "config.yml", "other.yml", "--quiet")
    assert refused.status == 1
    words = ("--out", "cmp", "--runs", "1", "--percentages", "0", "50", "--quiet")
    assert shoptalk("train", "core", "-c", "config.yml", "other.yml", *words).status == 0
    made = sorted(path.name for path in (project / "cmp/run_1").iterdir())
    assert made == [
        "config__percentage__0.tar.gz",
        "config__percentage__50.tar.gz",
        "other__percentage__0.tar.gz",
        "other__percentage__50.tar.gz",
    ]
    assert json.loads((project / "cmp/num_stories.json").read_text()) == [1, 1]
    ran = shoptalk("test", "core", "-m", "cmp", "--evaluate-model-directory", "--gold", "--no-plot")
    assert ran.status == 0
    assert set(json.loads((project / "results/results.json").read_text())) == {"config", "other"}


def test_finetuning_goes_on_only_from_a_model_with_the_same_labels(trained: Path, shoptalk: Shoptalk) -> None:
    assert shoptalk("train", "--finetune", "--quiet").status == 0
    nlu = trained / "data/nlu.yml"
    nlu.write_text(nlu.read_text().replace("- intent: bye\n", "- intent: thank\n"))
    ran = shoptalk("train", "--finetune", "--quiet", "--skip-validation")
    assert ran.status == 1
    assert "The model knows other labels than the data: bye, thank." in ran.err
    missing = shoptalk("train", "--finetune", "nowhere", "--quiet")
    assert "There is no model here to go on from." in missing.err


def test_finetuning_names_the_component_that_changed(trained: Path, shoptalk: Shoptalk) -> None:
    config = trained / "config.yml"
    config.write_text(config.read_text().replace("Classifier\n", "Classifier\n  case_sensitive: false\n"))
    ran = shoptalk("train", "--finetune", "--quiet")
    assert ran.status == 1
    assert "config.yml:6: KeywordIntentClassifier is configured otherwise" in ran.err


def test_split_divides_every_intent(project: Path, shoptalk: Shoptalk) -> None:
    ran = shoptalk("data", "split", "nlu", "--random-seed", "3", "--training-fraction", "0.67")
    assert ran.status == 0
    train = yaml.safe_load((project / "train_test_split/training_data.yml").read_text())
    test = yaml.safe_load((project / "train_test_split/test_data.yml").read_text())
    assert [i["examples"].count("- ") for i in train["nlu"] if "intent" in i] == [2, 2, 2]
    assert [i["examples"].count("- ") for i in test["nlu"]] == [1, 1, 1]
    assert [i["lookup"] for i in train["nlu"] if "lookup" in i] == ["fruit"]


def test_split_stories_keeps_the_rest_with_the_training_part(project: Path, shoptalk: Shoptalk) -> None:
    stories = project / "data/stories.yml"
    text = stories.read_text()
    stories.write_text(text + text[text.index("- story") :].replace("greet and buy", "again"))
    assert shoptalk("data", "split", "stories", "--random-seed", "1").status == 0
    train = yaml.safe_load((project / "train_test_split/train_stories.yml").read_text())
    test = yaml.safe_load((project / "train_test_split/test_stories.yml").read_text())
    assert {s["story"] for s in train["stories"] + test["stories"]} == {"greet and buy", "again"}
    assert len(train["stories"]) == len(test["stories"]) == 1


def test_convert_there_and_back_loses_nothing(project: Path, shoptalk: Shoptalk) -> None:
    assert shoptalk("data", "convert", "nlu", "-f", "json", "--out", "nlu.json").status == 0
    before = load_project(project).training_data
    after = load_project(project, data=[Path("nlu.json")]).training_data
    assert after.examples == before.examples
    assert after.lookups == before.lookups


def test_interactive_corrects_and_keeps_comments(trained: Path, shoptalk: Shoptalk, typed: Typed) -> None:
    lines = ["good evening", "greet", "", "", ""]
    lines += ["a quince please", "buy", "a [quince](fruit) please", "utter_sold", "", "/stop", "y"]
    typed(*lines)
    ran = shoptalk("interactive", "-m", "models", "--conversation-id", "taught")
    assert ran.status == 0
    nlu = (trained / "data/nlu.yml").read_text()
    assert "# how people greet" in nlu
    assert "    - good morning\n    - good evening\n- intent: buy\n" in nlu
    assert "    - a [quince](fruit) please\n" in nlu
    stories = (trained / "data/stories.yml").read_text()
    assert "# the usual" in stories
    story = yaml.safe_load(stories)["stories"][-1]
    assert story["story"] == "taught"
    assert [s["action"] for s in story["steps"] if "action" in s] == ["utter_greet", "utter_sold"]


def test_interactive_adds_new_names_to_the_domain(trained: Path, shoptalk: Shoptalk, typed: Typed) -> None:
    typed("any offers", "ask_offers", "", "action_list_offers", "action_listen", "/export", "/stop")
    ran = shoptalk("interactive", "-m", "models")
    assert ran.status == 0
    domain = (trained / "domain.yml").read_text()
    assert "# what people mean\nintents:\n- greet\n- buy\n- bye\n- ask_offers\n" in domain
    assert yaml.safe_load(domain)["actions"] == ["action_list_offers"]


def test_interactive_takes_a_message_back(trained: Path, shoptalk: Shoptalk, typed: Typed) -> None:
    typed("hello", "", "", "", "", "/undo", "/stop")
    ran = shoptalk("interactive", "-m", "models")
    assert "The last message is taken back." in ran.out
    assert "Keep this conversation" not in ran.out


def test_visualize_writes_a_page_that_needs_nothing_else(project: Path, shoptalk: Shoptalk) -> None:
    ran = shoptalk("visualize", "--rules")
    assert ran.out == "2 stories as 9 steps: open graph.html\n"
    page = (project / "graph.html").read_text()
    assert "http" not in page
    assert "src=" not in page
    assert "greet and buy (data/stories.yml:6)" in page


STORE = "tracker_store:\n  type: sql\n  dialect: sqlite\n  db: talks.db\n"


def test_export_evaluate_and_forget_work_on_stored_conversations(project: Path, shoptalk: Shoptalk) -> None:
    import asyncio

    from shoptalk.stores.build import build_store

    (project / "endpoints.yml").write_text(STORE + "event_broker:\n  type: file\n  path: events.log\n")
    events = [
        {"event": "action", "timestamp": 1.0, "name": "action_session_start"},
        {"event": "user", "timestamp": 2.0, "text": "hi", "parse_data": {"intent": {"name": "greet"}}},
        {"event": "action", "timestamp": 3.0, "name": "utter_greet"},
    ]

    async def fill() -> None:
        store = build_store({"type": "sql", "dialect": "sqlite", "db": "talks.db"})
        await store.append("ann", events)
        await store.append("bob", [{**event, "timestamp": event["timestamp"] + 0.5} for event in events])
        await store.close()

    asyncio.run(fill())
    ran = shoptalk(
        "export",
        "--minimum-timestamp",
        "2",
        "--maximum-timestamp",
        "3.5",
        "--offset-timestamps-by-seconds",
        "10",
    )
    assert ran.out == "3 events were sent to the event broker.\n"
    told = [json.loads(line) for line in (project / "events.log").read_text().splitlines()]
    assert [(e["sender_id"], e["timestamp"]) for e in told] == [("ann", 12.0), ("bob", 12.5), ("ann", 13.0)]
    assert len({e["metadata"]["rasa-export-process-id"] for e in told}) == 1

    (project / "markers.yml").write_text("greeted:\n  seq:\n  - intent: greet\n  - action: utter_greet\n")
    assert shoptalk("evaluate", "markers", "all", "found.csv").status == 0
    assert (project / "found.csv").read_text().splitlines()[1:] == ["ann,0,greeted,2,1", "bob,0,greeted,2,1"]
    again = shoptalk("evaluate", "markers", "first_n", "1", "found.csv")
    assert again.status == 1
    assert "found.csv: The file is already there." in again.err

    assert (
        shoptalk("forget", "ann", "zoe", "--yes").out == "ann: 3 events deleted.\nzoe: nothing was stored.\n"
    )
    assert "There are no conversations ann." in shoptalk("export", "--conversation-ids", "ann").err


def test_stored_conversations_need_a_store(project: Path, shoptalk: Shoptalk) -> None:
    ran = shoptalk("forget", "ann", "--yes")
    assert ran.status == 1
    assert "endpoints.yml: Conversations are kept in memory only" in ran.err


def test_doctor_says_what_to_do(project: Path, shoptalk: Shoptalk) -> None:
    ran = shoptalk("doctor", "--port", "0")
    assert ran.status == 1
    assert "✗ There is no model.\n  → Train one: shoptalk train" in ran.out
    shoptalk("train", "--quiet")
    ran = shoptalk("doctor", "--port", "0")
    assert ran.status == 0
    assert "fits the data" in ran.out
    (project / "domain.yml").write_text("intents: [greet\n")
    ran = shoptalk("doctor", "--port", "0")
    assert ran.status == 1
    assert "domain.yml:2: This is not valid YAML" in ran.out
