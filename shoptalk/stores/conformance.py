"""What every tracker store must do, as checks anyone can run on a store of their own.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_store(check):
        run_check(check, lambda options: MyStore(options))

`open_store` gives an empty store with the options it is passed; it may be async. `conformance_machine`
adds a random test of the same contract.
"""

from __future__ import annotations

from shoptalk.stores import conformance_data, conformance_turns
from shoptalk.stores.conformance_kit import CHECKS, Check, OpenStore, run_check

__all__ = ["CHECKS", "Check", "OpenStore", "run_check"]

_CHECKED = (conformance_turns, conformance_data)  # importing them fills CHECKS
