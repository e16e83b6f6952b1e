import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from shoptalk.errors import DataError
from shoptalk.together import Together


class Parser:
    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        self.batches.append(list(texts))
        if "bad" in texts:
            raise DataError("no")
        return [{"text": text} for text in texts]


async def test_what_comes_together_is_parsed_together() -> None:
    parser = Parser()
    together = Together(parser, most=3)
    results = await asyncio.gather(*(together.parse(str(number)) for number in range(7)))
    assert [result["text"] for result in results] == list("0123456")
    assert parser.batches == [list("012"), list("345"), ["6"]]
    assert (await together.parse("alone"))["text"] == "alone"


async def test_a_text_that_fails_fails_alone() -> None:
    together = Together(Parser())
    results = await asyncio.gather(*map(together.parse, ("a", "bad", "b")), return_exceptions=True)
    assert results[0] == {"text": "a"}
    assert isinstance(results[1], DataError)
    assert results[2] == {"text": "b"}
    with pytest.raises(DataError):
        await together.parse("bad")


async def test_who_gave_up_waiting_is_left_out() -> None:
    parser = Parser()
    together = Together(parser)
    first, gone = asyncio.create_task(together.parse("a")), asyncio.create_task(together.parse("gone"))
    asyncio.get_running_loop().call_soon(gone.cancel)
    assert (await first)["text"] == "a"
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert all("gone" not in batch for batch in parser.batches)
