import numpy as np
import pytest
import torch

from shoptalk.networks.ted import NO_LABEL, Conversation, TedNetwork, TedTraining, train_ted
from shoptalk.networks.ted_inference import TedInference, TedShape, gelu, softmax

PARTS = {
    "intent": 3,
    "text": 5,
    "action_name": 4,
    "action_text": 5,
    "entities": 2,
    "slots": 3,
    "active_loop": 1,
}
LABELS = {"label_action_name": 4, "label_action_text": 5}


def shape(**more: int) -> TedShape:
    inputs = {**PARTS, **LABELS}
    return TedShape(
        inputs=inputs, dense=dict.fromkeys(inputs, 6), encoding=8, size=16, heads=2, embedding=4, **more
    )  # type: ignore[arg-type]


def some_features(turns: int, seed: int = 0) -> dict[str, np.ndarray]:
    rand = np.random.default_rng(seed)
    return {
        part: (rand.normal(size=(turns, width)) * (rand.random((turns, 1)) < 0.6)).astype(np.float32)
        for part, width in PARTS.items()
    }


def some_labels(seed: int = 0) -> dict[str, np.ndarray]:
    rand = np.random.default_rng(seed)
    return {part: rand.normal(size=(6, width)).astype(np.float32) for part, width in LABELS.items()}


@pytest.mark.parametrize("window", [0, 3])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("density", [0.3, 1.0])
def test_numpy_computes_what_torch_computes(window: int, layers: int, density: float) -> None:
    torch.manual_seed(1)
    sizes = shape(window=window, layers=layers)
    network = TedNetwork(sizes, TedTraining(density=density)).eval()
    labels = {part: torch.from_numpy(values) for part, values in some_labels().items()}
    with torch.no_grad():
        for layer in network.layers:
            layer.bias.normal_()
        features = some_features(9)
        points = network({part: torch.from_numpy(values)[None] for part, values in features.items()})
        expected = (points[0] @ network.label_points(labels).T).numpy()
    inference = TedInference(sizes, network.export(labels))
    for turn in range(9):
        part = {name: values[: turn + 1] for name, values in features.items()}
        np.testing.assert_allclose(inference.similarities(part), expected[turn], atol=1e-5)


def test_a_turn_sees_only_what_was_before_it_and_in_its_window() -> None:
    torch.manual_seed(1)
    network = TedNetwork(shape(window=3), TedTraining()).eval()
    features = {part: torch.from_numpy(values)[None] for part, values in some_features(8).items()}
    changed = {part: values.clone() for part, values in features.items()}
    changed["slots"][0, 4] += 1.0
    with torch.no_grad():
        differs = (network(features) - network(changed)).abs().sum(-1)[0] > 1e-6
    assert differs.tolist() == [False] * 4 + [True] * 3 + [False]


def test_padding_changes_nothing() -> None:
    labels = some_labels()
    conversations = [Conversation(some_features(turns, turns), np.arange(turns) % 6) for turns in (3, 7)]
    training = TedTraining(epochs=1, batch_size=(100, 100), dropout_dialogue=0.0, learning_rate=0.0)
    together = train_ted(shape(), training, conversations, [], labels)[1][0]
    alone = [train_ted(shape(), training, [c], [], labels)[1][0] for c in conversations]
    assert together == pytest.approx((3 * alone[0] + 7 * alone[1]) / 10, rel=1e-4)


def test_turns_without_a_label_are_not_learnt_from() -> None:
    unlabelled = np.array([NO_LABEL, 2, NO_LABEL])
    training = TedTraining(epochs=1, dropout_dialogue=0.0, learning_rate=0.0, scale_loss=False, density=1.0)
    features = some_features(3)
    _, losses = train_ted(shape(), training, [Conversation(features, unlabelled)], [], some_labels())
    torch.manual_seed(training.seed)
    network = TedNetwork(shape(), training).eval()
    weights = network.export({part: torch.from_numpy(v) for part, v in some_labels().items()})
    similar = TedInference(shape(), weights).similarities(
        {part: values[:2] for part, values in features.items()}
    )
    assert losses[0] == pytest.approx(-np.log(softmax(similar)[2]), rel=1e-4)


def test_training_learns() -> None:
    conversations = [Conversation(some_features(5, seed), np.arange(5)) for seed in range(4)]
    _, losses = train_ted(
        shape(), TedTraining(epochs=80, batch_size=(8, 8), density=1.0), conversations, [], some_labels()
    )
    assert losses[-1] < losses[0] / 3


def test_gelu_is_torchs() -> None:
    values = np.linspace(-4, 4, 50, dtype=np.float32)
    expected = torch.nn.functional.gelu(torch.from_numpy(values), approximate="tanh").numpy()
    np.testing.assert_allclose(gelu(values), expected, atol=1e-6)
