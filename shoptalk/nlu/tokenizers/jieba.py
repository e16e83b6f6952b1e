"""JiebaTokenizer: Chinese words by the jieba package."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.errors import ComponentError, ConfigError
from shoptalk.nlu.component import TOKENS
from shoptalk.nlu.message import Message, Token
from shoptalk.nlu.options import read_options
from shoptalk.nlu.tokenizers.base import DEFAULTS, apply_pattern, text_tokens


class JiebaTokenizer:
    """Segments Chinese text; the words of `dictionary_path` travel inside the archive."""

    requires: ClassVar[tuple[str, ...]] = ()
    provides: ClassVar[tuple[str, ...]] = (TOKENS,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options("JiebaTokenizer", config, {**DEFAULTS, "dictionary_path": None})
        self._words: list[str] = []
        self._cutter: Any = None

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Read the user's dictionaries."""
        folder = self.options["dictionary_path"]
        if not folder:
            return
        if not Path(folder).is_dir():
            raise ConfigError(
                f"JiebaTokenizer: dictionary_path {folder!r} is not a folder.",
                hint="Give a folder of word lists, one word a line.",
            )
        files = sorted(path for path in Path(folder).iterdir() if path.is_file())
        lines = [line.strip() for path in files for line in path.read_text(encoding="utf-8").splitlines()]
        self._words = [line for line in lines if line]
        self._cutter = None

    def process(self, messages: list[Message]) -> None:
        """Write `tokens` and the output `text_tokens`."""
        cutter = self._tokenizer()
        for message in messages:
            tokens = [Token(w, start, end) for w, start, end in cutter.tokenize(message.text) if w.strip()]
            tokens = tokens or [Token(message.text, 0, len(message.text))]
            message.tokens = apply_pattern(tokens, self.options["token_pattern"])
            message.output["text_tokens"] = text_tokens(message.tokens)

    def _tokenizer(self) -> Any:
        if self._cutter is None:
            try:
                import jieba
            except ModuleNotFoundError as error:
                raise ComponentError(
                    "JiebaTokenizer needs the package jieba.",
                    hint="Install it, or use MultilingualTokenizer.",
                ) from error
            jieba.setLogLevel("WARNING")
            cutter = jieba.Tokenizer()
            for line in self._words:
                word, *rest = line.split()
                frequency = next((int(part) for part in rest if part.isdigit()), None)
                cutter.add_word(word, frequency)
            self._cutter = cutter
        return self._cutter

    def save(self) -> Saved:
        """The user's words."""
        return Saved({"words": self._words}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """With the words of the archive; the folder need not exist any more."""
        component = cls(config)
        component._words = list(saved.config["words"])
        return component
