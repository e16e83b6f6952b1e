"""Every error Shoptalk raises, as one tree.

ShoptalkError
├── ConfigError            a setting, endpoints.yml, credentials.yml or config.yml is wrong
├── DataError              domain or training data is wrong (knows file and line)
├── ArchiveError           a model archive is missing, damaged or not one of ours
├── ComponentError         an NLU component or a policy cannot be trained or loaded
├── StoreError             conversations cannot be read or written
│   ├── LeaseLost          another worker has taken this turn over; nothing of it was written
│   ├── Overloaded         a sender has too many messages waiting
│   └── Unavailable        the store does not answer
├── ActionError            an action failed
│   ├── Rejected           the action declined to run (Rasa's ActionExecutionRejection)
│   ├── Timeout            the action server did not answer in time
│   └── NotFound           nobody provides an action of this name
├── ChannelError           an inbound message cannot be taken
│   ├── BadSignature       it is not from whom it claims to be
│   └── TooLarge           it exceeds a bound
└── GenerationError        a language model did not answer
"""

from __future__ import annotations


class ShoptalkError(Exception):
    """Anything Shoptalk reports: what is wrong, where, and what to do about it.

    Args:
        message: what is wrong, in one sentence.
        hint: what to do instead; shown after the message.
        file: the file the problem stands in, if there is one.
        line: its line, counted from 1.
    """

    code = "error"

    def __init__(self, message: str, *, hint: str = "", file: str = "", line: int = 0) -> None:
        self.message, self.hint, self.file, self.line = message, hint, file, line
        super().__init__(str(self))

    @property
    def where(self) -> str:
        """`file:line`, `file` or nothing."""
        return f"{self.file}:{self.line}" if self.file and self.line else self.file

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.message}" + (f" {self.hint}" if self.hint else "")


class ConfigError(ShoptalkError):
    code = "config"


class DataError(ShoptalkError):
    code = "data"


class ArchiveError(ShoptalkError):
    code = "archive"


class ComponentError(ShoptalkError):
    code = "component"


class StoreError(ShoptalkError):
    code = "store"


class LeaseLost(StoreError):
    code = "lease_lost"


class Overloaded(StoreError):
    code = "overloaded"


class Unavailable(StoreError):
    code = "unavailable"


class ActionError(ShoptalkError):
    code = "action"


class Rejected(ActionError):
    code = "action_rejected"


class Timeout(ActionError):
    code = "action_timeout"


class NotFound(ActionError):
    code = "action_not_found"


class ChannelError(ShoptalkError):
    code = "channel"


class BadSignature(ChannelError):
    code = "bad_signature"


class TooLarge(ChannelError):
    code = "too_large"


class GenerationError(ShoptalkError):
    code = "generation"
