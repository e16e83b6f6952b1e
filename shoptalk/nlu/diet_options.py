"""Rasa's keys of DIETClassifier and ResponseSelector, and what they mean to our network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shoptalk.errors import ConfigError

if TYPE_CHECKING:
    from shoptalk.networks.diet import DietRates
    from shoptalk.networks.diet_training import DietSettings
    from shoptalk.networks.losses import SimilarityLoss

DIET: dict[str, Any] = {
    "hidden_layers_sizes": {"text": [], "label": []},
    "share_hidden_layers": False,
    "transformer_size": 256,
    "number_of_transformer_layers": 2,
    "number_of_attention_heads": 4,
    "use_key_relative_attention": False,
    "use_value_relative_attention": False,
    "max_relative_position": 5,
    "unidirectional_encoder": False,
    "batch_size": [64, 256],
    "batch_strategy": "balanced",
    "epochs": 300,
    "random_seed": None,
    "learning_rate": 0.001,
    "embedding_dimension": 20,
    "dense_dimension": {"text": 128, "label": 20},
    "concat_dimension": {"text": 128, "label": 20},
    "number_of_negative_examples": 20,
    "similarity_type": "auto",
    "loss_type": "cross_entropy",
    "ranking_length": 10,
    "maximum_positive_similarity": 0.8,
    "maximum_negative_similarity": -0.4,
    "use_maximum_negative_similarity": True,
    "scale_loss": False,
    "regularization_constant": 0.002,
    "negative_margin_scale": 0.8,
    "drop_rate": 0.2,
    "drop_rate_attention": 0,
    "connection_density": 0.2,
    "use_sparse_input_dropout": True,
    "use_dense_input_dropout": True,
    "evaluate_every_number_of_epochs": 20,
    "evaluate_on_number_of_examples": 0,
    "intent_classification": True,
    "entity_recognition": True,
    "use_masked_language_model": False,
    "BILOU_flag": True,
    "split_entities_by_comma": True,
    "constrain_similarities": False,
    "model_confidence": "softmax",
    "renormalize_confidences": False,
    "tensorboard_log_directory": None,
    "tensorboard_log_level": "epoch",
    "checkpoint_model": False,
    "run_eagerly": False,
    "drop_small_last_batch": False,
}

_REPORTS = "`shoptalk train --json` and results/ show how training went"
_DISTANCE = "words know their place by sinusoids alone"
INERT: dict[str, str] = {
    "share_hidden_layers": "texts and labels have layers of their own",
    "use_key_relative_attention": _DISTANCE,
    "use_value_relative_attention": _DISTANCE,
    "max_relative_position": _DISTANCE,
    "unidirectional_encoder": "every word sees every other",
    "number_of_negative_examples": "the loss compares with every label",
    "evaluate_every_number_of_epochs": _REPORTS,
    "evaluate_on_number_of_examples": _REPORTS,
    "tensorboard_log_directory": _REPORTS,
    "tensorboard_log_level": _REPORTS,
    "checkpoint_model": "the last epoch is kept",
    "run_eagerly": "PyTorch always does",
    "drop_small_last_batch": "small batches are learnt from, too",
}
"""Keys that mean nothing to our network, and why."""

SELECTOR: dict[str, Any] = {
    **DIET,
    "hidden_layers_sizes": {"text": [256, 128], "label": [256, 128]},
    "transformer_size": None,
    "number_of_transformer_layers": 0,
    "dense_dimension": {"text": 512, "label": 512},
    "concat_dimension": {"text": 512, "label": 512},
    "scale_loss": True,
    "connection_density": 1.0,
    "use_sparse_input_dropout": False,
    "use_dense_input_dropout": False,
    "entity_recognition": False,
    "retrieval_intent": None,
    "use_text_as_label": False,
}


def check(name: str, options: dict[str, Any]) -> None:
    """Refuse values our network has no meaning for.

    Raises:
        ConfigError: naming the key and what it may be.
    """
    allowed = {
        "model_confidence": ("softmax", "auto"),
        "loss_type": ("cross_entropy", "margin"),
        "similarity_type": ("auto", "inner", "cosine"),
        "batch_strategy": ("balanced", "sequence"),
    }
    for key, values in allowed.items():
        if options[key] not in values:
            raise ConfigError(
                f"config.yml: {name} has {key}: {options[key]!r}.", hint=f"One of: {', '.join(values)}."
            )
    size, heads = options["transformer_size"], options["number_of_attention_heads"]
    if options["number_of_transformer_layers"] and size and size % heads:
        raise ConfigError(
            f"config.yml: {name} has transformer_size {size}, which {heads} attention heads do not divide.",
            hint="Make it a multiple of number_of_attention_heads.",
        )


def sizes(options: dict[str, Any], key: str, what: str) -> Any:
    """A key that holds one value for texts and one for labels."""
    value = options[key]
    return value.get(what) if isinstance(value, dict) else value


def rates(options: dict[str, Any]) -> DietRates:
    """Dropout, and how it is computed."""
    from shoptalk.encoders.torch_runtime import has_bfloat16
    from shoptalk.networks.diet import DietRates

    return DietRates(
        float(options["drop_rate"]),
        float(options["drop_rate_attention"]),
        options["use_sparse_input_dropout"],
        options["use_dense_input_dropout"],
        has_bfloat16(),
    )


def loss(options: dict[str, Any]) -> SimilarityLoss:
    """The intent loss."""
    from shoptalk.networks.losses import SimilarityLoss

    kind = options["loss_type"]
    similarity = options["similarity_type"]
    return SimilarityLoss(
        kind=kind,
        cosine=similarity == "cosine" or (similarity == "auto" and kind == "margin"),
        constrain=options["constrain_similarities"],
        scale=options["scale_loss"],
        positive=options["maximum_positive_similarity"],
        negative=options["maximum_negative_similarity"],
        hardest=options["use_maximum_negative_similarity"],
        negative_scale=options["negative_margin_scale"],
    )


def settings(options: dict[str, Any], warm: bool) -> DietSettings:
    """How to train; continuing takes a tenth of the passes."""
    from shoptalk.networks.diet_training import DietSettings

    batch = options["batch_size"]
    first, last = (batch, batch) if isinstance(batch, int) else (batch[0], batch[-1])
    epochs = max(1, options["epochs"] // 10) if warm else options["epochs"]
    return DietSettings(
        epochs=epochs,
        batch=(first, last),
        balanced=options["batch_strategy"] == "balanced",
        rate=options["learning_rate"],
        decay=options["regularization_constant"],
        masked=options["use_masked_language_model"],
        seed=options["random_seed"],
    )
