"""Which action a name stands for, and running it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from shoptalk.actions.base import Action, Scene, bot_uttered
from shoptalk.actions.custom import CustomActions, read_answer
from shoptalk.actions.default import DEFAULTS
from shoptalk.actions.forms import form_action
from shoptalk.actions.responses import DomainResponses, ResponseSource, utter, utter_retrieved
from shoptalk.core.domain import Domain
from shoptalk.core.events import Event
from shoptalk.errors import ActionError, NotFound

UTTER = "utter_"


class ActionRunner:
    """Finds and runs the actions of an assistant.

    Args:
        domain: what the assistant knows.
        responses: where responses come from; the domain's own by default.
        custom: runs the user's own actions; without it they fail.
    """

    def __init__(
        self, domain: Domain, responses: ResponseSource | None = None, custom: CustomActions | None = None
    ) -> None:
        self.domain = domain
        self.responses: ResponseSource = responses or DomainResponses(domain.responses)
        self.custom_actions = custom
        self._found: dict[str, Action] = {}

    def action(self, name: str) -> Action:
        """The action a name (or an end-to-end text) stands for.

        A default action, unless the user lists or names a form like it; the answer to a retrieval intent; an
        end-to-end text; a response; a form; else one of the user's own.

        Raises:
            NotFound: the domain has no such action.
        """
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    async def run(self, name: str, scene: Scene) -> list[Event]:
        """Run an action and return its events.

        Raises:
            Rejected: it declines.
            ActionError: it failed.
        """
        return await self.action(name)(scene)

    async def custom(self, name: str, scene: Scene) -> list[Event]:
        """Run one of the user's own actions.

        Raises:
            Rejected: it declines.
            ActionError: it failed, or nothing runs custom actions.
        """
        if self.custom_actions is None:
            raise ActionError(
                f"Nothing runs the custom action {name!r}.",
                hint="Set `action_endpoint:` in endpoints.yml: `url:` of an action server, or `actions_module: actions`.",
            )
        answer = await self.custom_actions.run(name, scene)
        return await read_answer(name, answer, scene)

    async def close(self) -> None:
        """Give connections and threads back."""
        for part in (self.custom_actions, self.responses):
            if part is not None and hasattr(part, "close"):
                await part.close()

    def _find(self, name: str) -> Action:
        domain = self.domain
        if name not in domain.action_index:
            raise NotFound(
                f"The domain has no action {name!r}.", hint="List it under `actions:` in domain.yml."
            )
        if name in DEFAULTS and name not in domain.user_actions and name not in domain.forms:
            return DEFAULTS[name]
        if name.startswith(UTTER) and name.split(UTTER)[1] in domain.retrieval_intents:
            return _bind(utter_retrieved, name)
        if name in domain.e2e_actions:
            return _bind(_say, name)
        if name.startswith(UTTER):
            return _bind(utter, name)
        if name in domain.forms and not domain.is_custom(name):
            return form_action(domain.forms[name])
        return _bind(self.custom, name)


def _bind(action: Callable[[str, Scene], Awaitable[list[Event]]], name: str) -> Action:
    async def run(scene: Scene) -> list[Event]:
        return await action(name, scene)

    return run


async def _say(text: str, scene: Scene) -> list[Event]:
    """An end-to-end action: its name is what it says."""
    return [bot_uttered({"text": text})]
