"""DynamoDB: documents of a tracker store in a table, and the conversations that Rasa left in another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError, ClientError

from shoptalk.errors import StoreError, Unavailable
from shoptalk.stores.base import Json
from shoptalk.stores.documents_records import RANKS, Item

_TIMEOUT_S = 1.9
_FIRST_S = 10.0  # the client reads AWS's descriptions first, and the table is made
_LOOK_S = 0.5
_AT_ONCE = 20
_AGAIN = (
    "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "InternalServerError",
    "ServiceUnavailable", "TransactionConflictException", "ResourceInUseException",
)  # fmt: skip


class DynamoDocuments:
    """Documents in DynamoDB; see `documents_records.Documents`.

    They are kept in a table beside Rasa's, `<table_name>_shoptalk`, billed by request. It is made at the first use, and
    until it is there the store is `Unavailable`. AWS's credentials are found as its other tools find them.

    Args:
        table_name, region: Rasa's keys of endpoints.yml.
        url: of a server that is not AWS's.
    """

    def __init__(self, table_name: str = "states", region: str = "us-east-1", url: str | None = None) -> None:
        self.rasas, self._table = table_name, f"{table_name}_shoptalk"
        self._where = f"{self._table} ({url or region})"
        config = AioConfig(
            connect_timeout=1, read_timeout=_TIMEOUT_S, max_pool_connections=50, retries={"total_max_attempts": 3}
        )  # fmt: skip
        self._opening = _session().create_client(
            "dynamodb", region_name=region, endpoint_url=url, config=config
        )
        self._client: Any = None
        self._ready = False
        self._preparing = asyncio.Lock()

    async def get(self, sender: str, name: str) -> Item | None:
        async with self.answering() as client:
            found = await client.get_item(TableName=self._table, Key=_key(sender, name), ConsistentRead=True)
        item = found.get("Item")
        if item is None:
            return None
        return Item(sender, name, item["item_body"]["S"], int(item["item_version"]["N"]))

    async def put(self, item: Item, after: int | None) -> bool:
        kept = {**_key(item.sender, item.name), **_values(item_version=item.version, item_body=item.body)}
        if item.ranks:
            kept |= _values(item_kind=item.name, **{f"rank_{rank}": at for rank, at in item.ranks.items()})
        if item.expires_s is not None:
            kept |= _values(expires_at=item.expires_s)
        condition: Json = {"ConditionExpression": "attribute_not_exists(item_version)"}
        if after is None:
            condition["ConditionExpression"] += " OR item_version <= :version"
            condition["ExpressionAttributeValues"] = _values(":", version=item.version)
        elif after:
            condition["ConditionExpression"] = "item_version = :after"
            condition["ExpressionAttributeValues"] = _values(":", after=after)
        async with self.answering() as client:
            try:
                await client.put_item(TableName=self._table, Item=kept, **condition)
            except client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    async def between(self, sender: str, first: str, last: str) -> list[str]:
        return [item["item_body"]["S"] for item in await self._between(sender, first, last, "item_body")]

    async def delete(self, sender: str, first: str, last: str, upto: int) -> int:
        found = await self._between(sender, first, last, "item_name")
        gone = 0
        for start in range(0, len(found), _AT_ONCE):
            some = [item["item_name"]["S"] for item in found[start : start + _AT_ONCE]]
            gone += sum(await asyncio.gather(*(self._delete(sender, name, upto) for name in some)))
        return gone

    async def ranked(self, rank: str, bound: int | str, limit: int) -> list[str]:
        # A key is not compared with an empty text; a NUL is below every sender.
        order, value = ("<=", bound) if isinstance(bound, int) else (">", bound or "\0")
        async with self.answering() as client:
            page = await client.query(
                TableName=self._table,
                IndexName=rank,
                KeyConditionExpression=f"item_kind = :kind AND rank_{rank} {order} :bound",
                ExpressionAttributeValues=_values(":", kind="state", bound=value),
                Limit=limit,
            )
        return [item["sender_id"]["S"] for item in page["Items"]]

    async def ping(self) -> None:
        async with self.answering() as client:
            await client.describe_table(TableName=self._table)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    @contextlib.asynccontextmanager
    async def answering(self) -> AsyncIterator[Any]:
        """The client; within it, every failure is an error of ours, in bounded time."""
        try:
            client = await self._prepared()
            async with asyncio.timeout(_TIMEOUT_S):
                yield client
        except ClientError as error:
            if error.response["Error"]["Code"] not in _AGAIN:
                raise StoreError(f"DynamoDB refused a request to {self._where}: {error}.") from error
            raise self._away(str(error)) from error
        except (TimeoutError, BotoCoreError, OSError) as error:
            raise self._away(str(error) or "it does not answer") from error

    async def _delete(self, sender: str, name: str, upto: int) -> bool:
        async with self.answering() as client:
            try:
                await client.delete_item(
                    TableName=self._table,
                    Key=_key(sender, name),
                    ConditionExpression="item_version <= :upto",
                    ExpressionAttributeValues=_values(":", upto=upto),
                )
            except client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    async def _between(self, sender: str, first: str, last: str, wanted: str) -> list[Json]:
        found, start = list[Json](), Json()
        while True:
            async with self.answering() as client:
                page = await client.query(
                    TableName=self._table,
                    KeyConditionExpression="sender_id = :sender AND item_name BETWEEN :first AND :last",
                    ExpressionAttributeValues=_values(":", sender=sender, first=first, last=last),
                    ProjectionExpression=wanted,
                    ConsistentRead=True,
                    **start,
                )
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    async def _prepared(self) -> Any:
        if not self._ready:
            async with asyncio.timeout(_FIRST_S), self._preparing:
                if self._client is None:
                    self._client = await self._opening.__aenter__()
                self._ready = self._ready or await self._has_table(self._client)
        return self._client

    async def _has_table(self, client: Any) -> bool:
        """Make the table if there is none, and wait for it; other workers may be about the same."""
        while True:
            try:
                table = (await client.describe_table(TableName=self._table))["Table"]
                if table["TableStatus"] in ("ACTIVE", "UPDATING"):
                    break
                await asyncio.sleep(_LOOK_S)
            except client.exceptions.ResourceNotFoundException:
                with contextlib.suppress(client.exceptions.ResourceInUseException):
                    await client.create_table(TableName=self._table, **_TABLE)
        if await self._keeps_all(client):
            chosen = {"Enabled": True, "AttributeName": "expires_at"}
            try:
                await client.update_time_to_live(TableName=self._table, TimeToLiveSpecification=chosen)
            except ClientError:
                if await self._keeps_all(client):
                    raise
        return True

    async def _keeps_all(self, client: Any) -> bool:
        told = await client.describe_time_to_live(TableName=self._table)
        return bool(told["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED")

    def _away(self, why: str) -> Unavailable:
        return Unavailable(
            f"The DynamoDB table {self._where} cannot be used: {why}.",
            hint="Nothing is lost; the request may be repeated. Are region, credentials and network right?",
        )


class RasaDynamoReader:
    """Trackers of Rasa's DynamoTrackerStore: an item a sender, with its `events`; see `legacy.LegacyReader`."""

    def __init__(self, documents: DynamoDocuments) -> None:
        self._documents, self._table = documents, documents.rasas

    async def read(self, sender_id: str) -> list[Json]:
        async with self._documents.answering() as client:
            try:
                found = await client.get_item(TableName=self._table, Key=_values(sender_id=sender_id))
            except client.exceptions.ResourceNotFoundException:
                return []
        events: list[Json] = _plain(found.get("Item", {}).get("events", {"L": []}))
        return events

    async def forget(self, sender_id: str) -> int:
        if count := len(await self.read(sender_id)):
            async with self._documents.answering() as client:
                await client.delete_item(TableName=self._table, Key=_values(sender_id=sender_id))
        return count

    async def senders(self) -> AsyncIterator[str]:
        start = Json()
        while True:
            async with self._documents.answering() as client:
                page = await client.scan(
                    TableName=self._table, ProjectionExpression="sender_id", Limit=500, **start
                )
            for item in page["Items"]:
                yield item["sender_id"]["S"]
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    async def close(self) -> None:
        return None


@cache
def _session() -> AioSession:
    """One for all stores of the process, as it reads AWS's descriptions of its services anew each time."""
    return AioSession()


def _key_of(name: str, role: str) -> Json:
    return {"AttributeName": name, "KeyType": role}


_TABLE: Json = {
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [_key_of("sender_id", "HASH"), _key_of("item_name", "RANGE")],
    "AttributeDefinitions": [
        *({"AttributeName": name, "AttributeType": "S"} for name in ("sender_id", "item_name", "item_kind")),
        *(
            {"AttributeName": f"rank_{rank}", "AttributeType": "S" if rank == "talk" else "N"}
            for rank in RANKS
        ),
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": rank,
            "KeySchema": [_key_of("item_kind", "HASH"), _key_of(f"rank_{rank}", "RANGE")],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
        for rank in RANKS
    ],
}


def _key(sender: str, name: str) -> Json:
    return _values(sender_id=sender, item_name=name)


def _values(prefix: str = "", /, **values: int | str) -> Json:
    return {
        prefix + name: {"S": value} if isinstance(value, str) else {"N": str(value)}
        for name, value in values.items()
    }


def _plain(value: Json) -> Any:
    """A value as DynamoDB writes it; Rasa's floats are numbers of nine digits there."""
    [(kind, held)] = value.items()
    match kind:
        case "L":
            return [_plain(one) for one in held]
        case "M":
            return {name: _plain(one) for name, one in held.items()}
        case "N":
            return int(held) if held.lstrip("-").isdigit() else float(held)
        case "NULL":
            return None
        case _:
            return held
