"""MongoDB: documents of a tracker store in a collection, and the conversations that Rasa left in another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from pymongo import ASCENDING, AsyncMongoClient, IndexModel, ReadPreference
from pymongo.errors import ConfigurationError, ConnectionFailure, DuplicateKeyError, PyMongoError
from pymongo.write_concern import WriteConcern

from shoptalk.errors import ConfigError, StoreError, Unavailable
from shoptalk.stores.base import Json
from shoptalk.stores.documents_records import RANKS, Item

_TIMEOUT_S = 1.9
_PAGE = 500


class MongoDocuments:
    """Documents in MongoDB 4.4 or newer; see `documents_records.Documents`.

    They are kept in a collection beside Rasa's, `<collection>_shoptalk`. Indexes are made at the first use. Every write
    waits until most servers of a replica set have it.

    Args:
        host, db, username, password, auth_source, collection: Rasa's keys of endpoints.yml; `host` is its `url`.
    """

    def __init__(
        self,
        host: str = "mongodb://localhost:27017",
        db: str = "rasa",
        username: str | None = None,
        password: str | None = None,
        auth_source: str | None = None,
        collection: str = "conversations",
    ) -> None:
        self._where = host.rpartition("@")[2].partition("?")[0].removeprefix("mongodb://")
        given: dict[str, Any] = {"username": username, "password": password, "authSource": auth_source}
        chosen = {key: value for key, value in given.items() if value is not None}
        try:
            self.client: AsyncMongoClient[Json] = AsyncMongoClient(
                host, connect=False, timeoutMS=round(_TIMEOUT_S * 1000), tz_aware=True, **chosen
            )
        except (ConfigurationError, ValueError) as error:
            raise ConfigError(f"The MongoDB server {self._where!r} cannot be used: {error}.") from error
        self.rasas = self.client[db][collection]
        self._own = self.client[db].get_collection(
            f"{collection}_shoptalk",
            read_preference=ReadPreference.PRIMARY,
            write_concern=WriteConcern("majority"),
        )
        self._ready = False

    async def get(self, sender: str, name: str) -> Item | None:
        async with self.answering():
            found = await self._own.find_one({"_id": _key(sender, name)})
        return None if found is None else Item(sender, name, found["body"], found["version"])

    async def put(self, item: Item, after: int | None) -> bool:
        document: Json = {"_id": _key(item.sender, item.name), "sender": item.sender, "name": item.name}
        document |= {"version": item.version, "body": item.body, **item.ranks}
        if item.expires_s is not None:
            document["expires"] = datetime.fromtimestamp(item.expires_s, UTC)
        required: Any = {"$lte": item.version} if after is None else after
        async with self.answering():
            try:
                if after == 0:
                    await self._own.insert_one(document)
                    return True
                chosen = {"_id": document["_id"], "version": required}
                done = await self._own.replace_one(chosen, document, upsert=after is None)
            except DuplicateKeyError:
                return False
        return after is None or done.matched_count == 1

    async def between(self, sender: str, first: str, last: str) -> list[str]:
        chosen = {"sender": sender, "name": {"$gte": first, "$lte": last}}
        async with self.answering():
            found = self._own.find(chosen, {"body": 1}).sort("name", ASCENDING)
            return [document["body"] async for document in found]

    async def delete(self, sender: str, first: str, last: str, upto: int) -> int:
        names = {"$gte": first, "$lte": last}
        async with self.answering():
            done = await self._own.delete_many({"sender": sender, "name": names, "version": {"$lte": upto}})
        return int(done.deleted_count)

    async def ranked(self, rank: str, bound: int | str, limit: int) -> list[str]:
        chosen = {rank: {"$lte" if isinstance(bound, int) else "$gt": bound}}
        async with self.answering():
            found = self._own.find(chosen, {"sender": 1}).sort(rank, ASCENDING).limit(limit)
            return [document["sender"] async for document in found]

    async def ping(self) -> None:
        async with self.answering():
            await self.client.admin.command("ping")

    async def close(self) -> None:
        await self.client.close()

    @contextlib.asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Within it, every failure of the server is an error of ours, in bounded time."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                if not self._ready:
                    await self._own.create_indexes(_INDEXES)
                    self._ready = True
                yield
        except (TimeoutError, PyMongoError) as error:
            if isinstance(error, PyMongoError) and not (
                isinstance(error, ConnectionFailure) or error.timeout
            ):
                raise StoreError(f"The MongoDB server {self._where} refused a command: {error}.") from error
            raise Unavailable(
                f"The MongoDB server {self._where} cannot be used: {str(error) or 'it does not answer'}.",
                hint="Nothing is lost; the request may be repeated. Is it up, and where `tracker_store:` says?",
            ) from error


class RasaMongoReader:
    """Trackers of Rasa's MongoTrackerStore: a document a sender, with its `events`; see `legacy.LegacyReader`."""

    def __init__(self, documents: MongoDocuments) -> None:
        self._documents, self._trackers = documents, documents.rasas

    async def read(self, sender_id: str) -> list[Json]:
        async with self._documents.answering():
            found = await self._trackers.find_one(_of_rasa(sender_id), {"events": 1})
        return list((found or {}).get("events") or [])

    async def forget(self, sender_id: str) -> int:
        count = len(await self.read(sender_id))
        async with self._documents.answering():
            await self._trackers.delete_many(_of_rasa(sender_id))
        return count

    async def senders(self) -> AsyncIterator[str]:
        chosen: Json = {}
        while True:
            async with self._documents.answering():
                found = self._trackers.find(chosen, {"sender_id": 1}).sort("_id", ASCENDING).limit(_PAGE)
                page = [document async for document in found]
            for document in page:
                yield str(document["sender_id"])
            if len(page) < _PAGE:
                return
            chosen = {"_id": {"$gt": page[-1]["_id"]}}

    async def close(self) -> None:
        return None


_INDEXES = [
    IndexModel([("sender", ASCENDING), ("name", ASCENDING)]),
    *(IndexModel([(rank, ASCENDING)], sparse=True) for rank in RANKS),
    IndexModel([("expires", ASCENDING)], expireAfterSeconds=0),
]


def _key(sender: str, name: str) -> str:
    return f"{sender}/{name}"


def _of_rasa(sender_id: str) -> Json:
    """Old versions of Rasa kept ids of digits as numbers."""
    is_number = sender_id.isascii() and sender_id.isdigit() and len(sender_id) < 19
    return {"sender_id": {"$in": [sender_id, int(sender_id)]} if is_number else sender_id}
