# ruff: noqa: UP006, UP019, UP035 (Rasa compares these annotations with its own)
"""Shoptalk's BERT featurizer as a component of Rasa Open Source 3.6 (Python 3.8 to 3.10); Shoptalk is not needed.

It reads a folder written by `export_encoder.py` and needs `onnxruntime` and `tokenizers`. In Rasa's config.yml:

    pipeline:
    - name: WhitespaceTokenizer
    - name: integrations.rasa.bert_featurizer.BertFeaturizer
      encoder: encoders/multilingual-e5-small
    - name: DIETClassifier
      epochs: 50

The vectors are those that Shoptalk's component of this name makes: per word the mean of the last layer over its
sub-words, per text the means of the layers that the encoder's export names.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Text, Type

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import DENSE_FEATURIZABLE_ATTRIBUTES, TOKENS_NAMES
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, FEATURE_TYPE_SEQUENCE
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

FILES = ("encoder.json", "graph.onnx", "words.npy", "extra.npz", "tokenizer.json")


class OnnxEncoder:
    """The exported encoder: texts in, one vector a sub-word and layer out."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer as Subwords

        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise InvalidConfigException(
                f"{folder} lacks {', '.join(missing)}. Write it with Shoptalk's Python: "
                f"python integrations/rasa/export_encoder.py multilingual-e5-small {folder}"
            )
        facts = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
        self.fingerprint = str(facts["fingerprint"])
        extra = np.load(folder / "extra.npz")
        self.words = np.load(folder / "words.npy", mmap_mode="r")
        self.positions, self.gain, self.shift = extra["positions"], extra["gain"], extra["shift"]
        self.epsilon, self.layers = float(extra["epsilon"]), int(extra["layers"])
        self.sentence_layers = [n if n >= 0 else self.layers + 1 + n for n in facts["sentence_layers"]]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            str(folder / "graph.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.subwords = Subwords.from_file(str(folder / "tokenizer.json"))
        self.subwords.no_padding()
        self.subwords.enable_truncation(len(self.positions))

    def encode(self, text: str) -> tuple:
        """Sentence vector (H * layers,), sub-word vectors (S, H) and their character offsets (S, 2)."""
        found = self.subwords.encode(text)
        inside = [
            place
            for place, (start, end) in enumerate(found.offsets)
            if not found.special_tokens_mask[place] and end > start
        ]
        x = self._embed(np.asarray(found.ids, np.int64))
        names = sorted({f"layer_{n}" for n in (*self.sentence_layers, self.layers) if n})
        outputs = dict(
            zip(
                names,
                self.session.run(names, {"x": x[None], "mask": np.ones((1, len(x)), np.int32)}),
                strict=True,
            )
        )
        outputs["layer_0"] = x[None]
        last = outputs[f"layer_{self.layers}"][0]
        means = [
            last.mean(axis=0) if n == self.layers else self._mean(outputs[f"layer_{n}"][0, inside])
            for n in self.sentence_layers
        ]
        offsets = np.asarray([found.offsets[place] for place in inside], np.int64).reshape(-1, 2)
        return np.concatenate(means), last[inside], offsets

    @staticmethod
    def _mean(layer: np.ndarray) -> np.ndarray:
        return layer.mean(axis=0) if len(layer) else np.zeros(layer.shape[1], np.float32)

    def _embed(self, ids: np.ndarray) -> np.ndarray:
        x = self.words[ids].astype(np.float32) + self.positions[: len(ids)]
        x -= x.mean(axis=-1, keepdims=True)
        x /= np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + self.epsilon)
        return x * self.gain + self.shift


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class BertFeaturizer(DenseFeaturizer, GraphComponent):
    """Dense features of words and texts from an encoder that stays as it is."""

    @classmethod
    def required_components(cls) -> List[Type]:
        """A tokenizer must come before."""
        return [Tokenizer]

    @staticmethod
    def required_packages() -> List[Text]:
        """What Rasa checks is installed."""
        return ["onnxruntime", "tokenizers"]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """`encoder`: the folder that export_encoder.py wrote."""
        return {**DenseFeaturizer.get_default_config(), "encoder": None}

    def __init__(self, config: Dict[Text, Any], name: Text) -> None:
        super().__init__(name, config)
        if not config.get("encoder"):
            raise InvalidConfigException(
                "BertFeaturizer has no `encoder`: name the folder of an exported encoder."
            )
        self.encoder = OnnxEncoder(Path(config["encoder"]))

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> BertFeaturizer:
        """As Rasa makes components."""
        return cls(config, execution_context.node_name)

    @classmethod
    def validate_config(cls, config: Dict[Text, Any]) -> None:
        """Nothing beyond what the constructor checks."""

    @classmethod
    def fingerprint_addon(cls, config: Dict[str, Any]) -> str:
        """Another encoder means to train again."""
        path = Path(config.get("encoder") or "") / "encoder.json"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Features of everything that training looks at."""
        self.process(training_data.training_examples)
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        """Add word and text features to messages, in place."""
        for message in messages:
            for attribute in DENSE_FEATURIZABLE_ATTRIBUTES:
                if message.get(TOKENS_NAMES[attribute]) and message.get(attribute):
                    self._add(message, attribute)
        return messages

    def _add(self, message: Message, attribute: Text) -> None:
        sentence, pieces, offsets = self.encoder.encode(message.get(attribute))
        rows = np.zeros((len(message.get(TOKENS_NAMES[attribute])), pieces.shape[1]), np.float32)
        for row, token in enumerate(message.get(TOKENS_NAMES[attribute])):
            covers = (offsets[:, 0] < token.end) & (offsets[:, 1] > token.start)
            if covers.any():
                rows[row] = pieces[covers].mean(axis=0)
        for kind, values in ((FEATURE_TYPE_SEQUENCE, rows), (FEATURE_TYPE_SENTENCE, sentence[None])):
            message.add_features(Features(values, kind, attribute, self._identifier))
