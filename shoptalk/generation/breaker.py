"""A circuit breaker: after some failures in a row a service is left alone for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from shoptalk.errors import GenerationError

OPENS_AFTER = 5
REST_S = 30.0


class Breaker:
    """Counts failures in a row.

    Args:
        opens_after: so many open the circuit.
        rest_s: how long it stays open; then one call may try again.
        clock: seconds, growing.
    """

    def __init__(
        self,
        opens_after: int = OPENS_AFTER,
        rest_s: float = REST_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._opens_after, self._rest_s, self._clock = opens_after, rest_s, clock
        self._failures = 0
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether calls are refused now."""
        return self._failures >= self._opens_after and self._clock() < self._until

    def enter(self) -> None:
        """Ask for permission to call.

        Raises:
            GenerationError: the circuit is open.
        """
        if self.is_open:
            raise GenerationError(
                "The language model failed several times in a row and is left alone for a while."
            )
        if self._failures >= self._opens_after:
            self._until = self._clock() + self._rest_s

    def succeeded(self) -> None:
        """A call went well."""
        self._failures = 0

    def failed(self) -> None:
        """A call went wrong."""
        self._failures += 1
        if self._failures >= self._opens_after:
            self._until = self._clock() + self._rest_s
