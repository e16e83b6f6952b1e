"""The files of `deploy/`: they parse, name metrics and flags that exist, hold no secret, and run without rights."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import yaml

from shoptalk.cli import run as run_command
from shoptalk.formats.yaml import read_text
from shoptalk.server.metrics import Metrics
from shoptalk.settings import Endpoints
from shoptalk.stores.build import redis_address

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
VALUE = re.compile(r"\{\{-?[^}]*\}\}")


def rendered(name: str) -> list[dict[str, Any]]:
    """A chart's template with its control lines left out and the chart's values put in: enough to be read as YAML."""
    lines = (DEPLOY / "helm/shoptalk/templates" / name).read_text().splitlines()
    kept = [line for line in lines if not re.fullmatch(r"\s*\{\{-.*\}\}", line)]
    text = "\n".join(re.sub(r"\{\{-? toYaml[^}]*\}\}", "{}", line) for line in kept)
    return [part for part in yaml.safe_load_all(VALUE.sub(value_of, text)) if part]


def value_of(found: re.Match[str]) -> str:
    """What stands for a place of a template: the chart's value, or a word."""
    value: Any = yaml.safe_load((DEPLOY / "helm/shoptalk/values.yaml").read_text())
    path = re.search(r"\.Values\.([\w.]+)", found[0])
    for step in path[1].split(".") if path else ():
        value = value.get(step) if isinstance(value, dict) else None
    return str(value) if path and isinstance(value, str | int | float) and value != "" else "value"


def flags() -> set[str]:
    parser = argparse.ArgumentParser()
    run_command.add_arguments(parser)
    return {flag for action in parser._actions for flag in action.option_strings} | {"--log-format"}


def test_the_dashboard_asks_for_metrics_that_exist() -> None:
    board = json.loads((DEPLOY / "grafana/shoptalk.json").read_text())
    metrics = Metrics()
    known = {family.name for family in metrics.registry.collect()} | {"shoptalk_store_up"}
    known |= {f"shoptalk_waiting_{name}" for name in ("senders", "outbox", "reminders")}
    for panel in board["panels"]:
        for target in panel["targets"]:
            for name in re.findall(r"shoptalk_[a-z_]+", target["expr"]):
                assert re.sub(r"_(total|bucket|sum|count)$", "", name) in known, (panel["title"], name)


def test_commands_use_flags_that_exist() -> None:
    (deployment,) = rendered("deployment.yaml")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    used = {word.partition("=")[0] for word in container["args"] if word.startswith("--")}
    docker = (DEPLOY / "Dockerfile").read_text()
    used |= set(re.findall(r"--[a-z-]+", docker.split("exec shoptalk run")[1]))
    assert used <= flags()


def test_containers_run_without_rights() -> None:
    (deployment,) = rendered("deployment.yaml")
    pod = deployment["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert re.search(r"^USER 10001$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    services = yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]
    assert services["shoptalk"]["cap_drop"] == ["ALL"]
    assert all(
        port.startswith("127.0.0.1:") for service in services.values() for port in service.get("ports", ())
    )


def test_settings_are_ones_the_server_reads(monkeypatch: Any) -> None:
    monkeypatch.setenv("STORE_HOST", "valkey")
    monkeypatch.setenv("STORE_PASSWORD", "p")
    content = read_text((DEPLOY / "endpoints.yml").read_text(), environment=True)
    store = dict(Endpoints.read(content).tracker_store or {})
    address = redis_address(store)
    assert (address.host, address.port, address.password) == ("valkey", 6379, "p")
    kinds = {
        document["kind"]
        for name in ("config.yaml", "deployment.yaml", "service.yaml")
        for document in rendered(name)
    }
    assert {"Deployment", "Service", "ConfigMap", "NetworkPolicy", "PodDisruptionBudget"} <= kinds


def test_no_secret_stands_in_the_files() -> None:
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            for line in re.sub(r"\$\{[^}]*\}|\{\{[^}]*\}\}", "", path.read_text()).splitlines():
                found = re.search(r"(password|secret|token)\w*:\s*[\"']?([^\s\"'{$#]+)", line, re.IGNORECASE)
                assert found is None or found[2] in ("shoptalk", "[api_token]", "false"), (path.name, line)
