"""The files of `deploy/`: they parse, name metrics and flags that exist, hold no secret, and run without rights."""

from __future__ import annotations

import argparse
import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate
import pytest
import yaml
from chart import Chart

from shoptalk.assistant import Assistant
from shoptalk.channels.web import WebChannel
from shoptalk.cli import run as run_command
from shoptalk.formats.domain import read
from shoptalk.formats.yaml import read_text
from shoptalk.server.app import ServerOptions, create_app
from shoptalk.server.holder import Holder
from shoptalk.server.metrics import Metrics
from shoptalk.server.serve import read_channels, read_endpoints
from shoptalk.stores.build import redis_address
from shoptalk.stores.memory import MemoryTrackerStore

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
CHART = DEPLOY / "helm/shoptalk"
KUBERNETES = "1.37"
YAML_STYLE = """
extends: default
rules: {line-length: {max: 140}, document-start: disable, comments: {min-spaces-from-content: 1}}
"""
EVERYTHING = {
    "autoscaling": {"enabled": True, "maxReplicas": 4, "cpuPercent": 70},
    "cors": ["https://shop.example"],
}


def deployment() -> dict[str, Any]:
    return next(document for _, document in Chart.read(CHART).documents() if document["kind"] == "Deployment")


def flags() -> set[str]:
    parser = argparse.ArgumentParser()
    run_command.add_arguments(parser)
    return {flag for action in parser._actions for flag in action.option_strings} | {"--log-format"}


async def test_the_dashboard_asks_for_metrics_that_the_server_shows() -> None:
    domain = read(read_text("intents: [greet]\nresponses: {utter_greet: [{text: Hi}]}\n"), lambda *_: None)
    metrics = Metrics()
    assistant = Assistant(domain, None, watch=metrics.watch, store=MemoryTrackerStore())
    app = create_app(Holder(assistant), read_channels(Path("no such file")), ServerOptions(metrics=metrics))
    handler = metrics.handler()
    logging.getLogger().addHandler(handler)
    try:
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            await client.post("/webhooks/rest/webhook", json={"sender": "a", "message": "/greet"})
            logging.getLogger("shoptalk.test").warning("store.unavailable")
            shown = (await client.get("/metrics")).text
    finally:
        logging.getLogger().removeHandler(handler)
        await assistant.close()
    there = {line.split("{")[0].split(" ")[0] for line in shown.splitlines() if not line.startswith("#")}
    asked = set()
    for panel in json.loads((DEPLOY / "grafana/shoptalk.json").read_text())["panels"]:
        for target in panel["targets"]:
            asked |= set(re.findall(r"shoptalk_[a-z_]+", target["expr"]))
    assert len(asked) > 5
    assert asked <= there, asked - there


def test_commands_use_flags_that_exist() -> None:
    (container,) = deployment()["spec"]["template"]["spec"]["containers"]
    used = {word.partition("=")[0] for word in container["args"] if word.startswith("--")}
    docker = (DEPLOY / "Dockerfile").read_text()
    used |= set(re.findall(r"--[a-z-]+", docker.split("exec shoptalk run")[1]))
    assert used <= flags()


def test_containers_run_without_rights() -> None:
    pod = deployment()["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert re.search(r"^USER 10001$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    services = yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]
    assert services["shoptalk"]["cap_drop"] == ["ALL"]
    assert all(
        port.startswith("127.0.0.1:") for service in services.values() for port in service.get("ports", ())
    )


@pytest.mark.parametrize("where", ["container", "chart"])
def test_settings_are_ones_the_server_reads(where: str, monkeypatch: Any, tmp_path: Path) -> None:
    for name, value in {"STORE_HOST": "valkey", "STORE_PASSWORD": "p", "WEB_SECRET": "s" * 32}.items():
        monkeypatch.setenv(name, value)
    if where == "chart":
        files = next(d["data"] for _, d in Chart.read(CHART).documents() if d["kind"] == "ConfigMap")
    else:
        files = {name: (DEPLOY / name).read_text() for name in ("endpoints.yml", "credentials.yml")}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    address = redis_address(dict(read_endpoints(tmp_path / "endpoints.yml").tracker_store or {}))
    assert (address.host, address.port, address.password) == ("valkey", 6379, "p")
    (channel,) = read_channels(tmp_path / "credentials.yml")
    assert isinstance(channel, WebChannel)


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["default", "everything"])
def test_the_chart_makes_what_kubernetes_takes(values: dict[str, Any]) -> None:
    kinds = set()
    for _, document in Chart.read(CHART, **values).documents():
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
        kinds.add(document["kind"])
    wanted = {"Deployment", "Service", "ConfigMap", "NetworkPolicy", "PodDisruptionBudget"}
    assert kinds == wanted | ({"HorizontalPodAutoscaler"} if values else set())


def test_what_the_chart_refuses_is_refused_here() -> None:
    wrong = {**deployment(), "spec": {**deployment()["spec"], "replcas": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES, strict=True)


def test_changed_settings_start_new_servers() -> None:
    def checksum(host: str) -> str:
        chart = Chart.read(CHART, store={"host": host, "port": 1})
        found = next(d for _, d in chart.documents() if d["kind"] == "Deployment")
        return found["spec"]["template"]["metadata"]["annotations"]["checksum/settings"]

    assert checksum("a") != checksum("b")


def test_files_are_tidy_yaml() -> None:
    files = [*DEPLOY.rglob("*.yml"), CHART / "Chart.yaml", CHART / "values.yaml"]
    command = [
        sys.executable,
        "-m",
        "yamllint",
        "--strict",
        "-f",
        "parsable",
        "-d",
        YAML_STYLE,
        *map(str, files),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_compose_names_only_what_it_has() -> None:
    whole = yaml.safe_load((DEPLOY / "compose.yml").read_text())
    for name, service in whole["services"].items():
        for section in ("networks", "secrets"):
            assert set(service.get(section, ())) <= set(whole[section]), (name, section)
        assert set(service.get("depends_on", ())) <= set(whole["services"]), name
        for mounted in service.get("volumes", ()):
            source = mounted.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).is_file(), (name, source)
            else:
                assert source in whole["volumes"], (name, source)
        for known in service.get("depends_on", {}):
            assert "healthcheck" in whole["services"][known], (name, known)


def test_no_secret_stands_in_the_files() -> None:
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            for line in re.sub(r"\$\{[^}]*\}|\{\{[^}]*\}\}", "", path.read_text()).splitlines():
                found = re.search(r"(password|secret|token)\w*:\s*[\"']?([^\s\"'{$#]+)", line, re.IGNORECASE)
                assert found is None or found[2] in ("shoptalk", "[api_token]", "false"), (path.name, line)
