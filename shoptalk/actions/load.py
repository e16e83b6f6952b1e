"""The actions an `endpoints.yml` describes."""

from __future__ import annotations

from pathlib import Path

from shoptalk.actions.custom import CustomActions
from shoptalk.actions.local import TIMEOUT_S, LocalActions
from shoptalk.actions.remote import RemoteActions
from shoptalk.actions.response_service import ResponseService
from shoptalk.actions.responses import DomainResponses, Generator, ResponseSource
from shoptalk.actions.runner import ActionRunner
from shoptalk.core.domain import Domain
from shoptalk.errors import ConfigError
from shoptalk.registry import load_dotted
from shoptalk.settings import ENDPOINT_KEYS, Endpoint, Endpoints, did_you_mean

ACTION_OPTIONS = ("actions_module", "domain_digest", "enable_selective_domain", "newest_events", "timeout")


def load_actions(
    domain: Domain,
    endpoints: Endpoints | None = None,
    root: Path = Path("."),
    generator: Generator | None = None,
) -> ActionRunner:
    """The runner of an assistant's actions.

    Args:
        domain: what the assistant knows.
        endpoints: what endpoints.yml says of `action_endpoint:` and `nlg:`.
        root: the project's folder, where the user's own modules are.
        generator: words responses that ask for it.

    Raises:
        ConfigError: a section makes no sense, or a module of the user's cannot be imported.
    """
    endpoints = endpoints or Endpoints()
    custom = _custom(Endpoint.read(endpoints.action_endpoint), domain, root)
    return ActionRunner(domain, _responses(Endpoint.read(endpoints.nlg), domain, generator), custom)


def _custom(endpoint: Endpoint | None, domain: Domain, root: Path) -> CustomActions | None:
    if endpoint is None:
        return None
    strange = [key for key in endpoint.options if key not in ACTION_OPTIONS]
    if strange:
        raise ConfigError(
            f"`action_endpoint:` has no setting {strange[0]!r}.",
            hint=did_you_mean(strange[0], (*ENDPOINT_KEYS, *ACTION_OPTIONS)),
        )
    module = endpoint.options.get("actions_module")
    if module:
        newest = endpoint.options.get("newest_events")
        timeout_s = float(endpoint.options.get("timeout", TIMEOUT_S))
        return LocalActions(str(module), root, domain, timeout_s, None if newest is None else int(newest))
    if not endpoint.url:
        raise ConfigError(
            "`action_endpoint:` says neither `url:` nor `actions_module:`.",
            hint="Write `url: http://localhost:5055/webhook`, or `actions_module: actions` to run them in this process.",
        )
    return RemoteActions(endpoint, domain)


def _responses(endpoint: Endpoint | None, domain: Domain, generator: Generator | None) -> ResponseSource:
    kind = (endpoint.type or "callback") if endpoint is not None else "response"
    if endpoint is None or kind.lower() == "response":
        return DomainResponses(domain.responses, generator)
    if kind.lower() == "callback":
        if not endpoint.url:
            raise ConfigError("`nlg:` has no `url:`.", hint="Write the address of your response service.")
        return ResponseService(endpoint, domain.responses)
    source: ResponseSource = load_dotted(kind, "response source")(endpoint=endpoint, domain=domain)
    return source
