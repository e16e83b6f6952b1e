import numpy as np
import pytest
import torch

from shoptalk.networks.ted import NO_MOMENT, SparseLinear, TedNetwork, TedTraining
from shoptalk.networks.ted_inference import TedInference, TedShape, gelu, places, softmax
from shoptalk.networks.ted_training import NO_LABEL, Examples, pair_losses, train_ted

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
    )


def some_features(turns: int, seed: int = 0) -> dict[str, np.ndarray]:
    rand = np.random.default_rng(seed)
    return {
        part: (rand.normal(size=(turns, width)) * (rand.random((turns, 1)) < 0.6)).astype(np.float32)
        for part, width in PARTS.items()
    }


def some_labels(seed: int = 0) -> dict[str, np.ndarray]:
    rand = np.random.default_rng(seed)
    return {part: rand.normal(size=(6, width)).astype(np.float32) for part, width in LABELS.items()}


def as_tensors(values: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {part: torch.from_numpy(rows) for part, rows in values.items()}


@pytest.mark.parametrize("window", [0, 3])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("density", [0.3, 1.0])
@pytest.mark.parametrize("cosine", [False, True])
def test_numpy_computes_what_torch_computes(window: int, layers: int, density: float, cosine: bool) -> None:
    torch.manual_seed(1)
    sizes = shape(window=window, layers=layers, cosine=cosine)
    network = TedNetwork(sizes, TedTraining(density=density)).eval()
    features, labels = some_features(9), as_tensors(some_labels())
    inference = TedInference(sizes, network.export(labels))
    for turn in range(9):
        order = list(range(turn + 1))
        moments = order[::-1][:window] if window else order
        with torch.no_grad():
            points = network(as_tensors(features), torch.tensor([moments]))
            point, targets = points[0, 0 if window else -1], network.label_points(labels)
            if cosine:
                point, targets = (torch.nn.functional.normalize(v, dim=-1) for v in (point, targets))
        found = inference.similarities({name: values[: turn + 1] for name, values in features.items()})
        np.testing.assert_allclose(found, (targets @ point).numpy(), atol=1e-5)


def test_a_whole_conversation_is_read_looking_back_only() -> None:
    torch.manual_seed(1)
    network = TedNetwork(shape(), TedTraining()).eval()
    features = as_tensors(some_features(8))
    changed = {part: values.clone() for part, values in features.items()}
    changed["slots"][4] += 1.0
    moments = torch.arange(8)[None]
    with torch.no_grad():
        differs = (network(features, moments) - network(changed, moments)).abs().sum(-1)[0] > 1e-6
    assert differs.tolist() == [False] * 4 + [True] * 4


@pytest.mark.parametrize("window", [0, 5])
def test_padding_changes_nothing(window: int) -> None:
    torch.manual_seed(1)
    network = TedNetwork(shape(window=window), TedTraining()).eval()
    features = as_tensors(some_features(5))
    short = torch.tensor([[3, 1, 4]])
    padded = torch.tensor([[3, 1, 4, NO_MOMENT, NO_MOMENT]])
    with torch.no_grad():
        torch.testing.assert_close(network(features, padded)[:, :3], network(features, short))


def test_every_input_and_output_keeps_a_connection() -> None:
    for sizes in ((7, 20), (20, 7), (9, 9)):
        mask = SparseLinear(*sizes, density=0.0).mask
        assert mask is not None
        assert mask.sum(0).min() >= 1
        assert mask.sum(1).min() >= 1
        assert mask.sum() == max(sizes)


def test_places_are_sines_and_cosines() -> None:
    waves = places(3, 4)
    assert waves[0].tolist() == [0.0, 1.0, 0.0, 1.0]
    np.testing.assert_allclose(waves[2], [np.sin(2), np.cos(2), np.sin(0.02), np.cos(0.02)], atol=1e-6)


POINTS = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
LABEL_POINTS = torch.tensor([[1.0, 1.0], [-1.0, 1.0]])


def worked_out(example: int, ours: int, constrain: bool) -> tuple[float, float]:
    """By hand, where every draw of a wrong label, and every draw of another dialogue, was another one or void."""
    wrong, other = 1 - ours, 1 - example
    point, right = POINTS[example], LABEL_POINTS[ours]
    groups = [float(point @ LABEL_POINTS[wrong]), float(right @ POINTS[other])]
    if not constrain:
        groups += [float(point @ POINTS[other]), float(right @ LABEL_POINTS[wrong])]
    best = float(point @ right)
    low = -best + np.log(np.exp(best))
    high = -best + np.log(np.exp(best) + 20 * sum(np.exp(value) for value in groups))
    return low, high


@pytest.mark.parametrize("constrain", [False, True])
def test_cross_entropy_compares_with_wrong_labels_and_other_dialogues(constrain: bool) -> None:
    torch.manual_seed(3)
    training = TedTraining(scale_loss=False, constrain=constrain)
    losses = pair_losses(POINTS, LABEL_POINTS, torch.tensor([0, 1]), training)
    for example in (0, 1):
        low, high = worked_out(example, example, constrain)
        assert low < float(losses[example]) < high + constrain * 5
    alone = pair_losses(POINTS[:1], LABEL_POINTS[:1], torch.tensor([0]), training)
    assert float(alone[0]) == pytest.approx(constrain * np.log1p(np.exp(-1.0)) / 81, abs=1e-5)


def test_what_is_known_counts_little_and_what_is_not_counts_much() -> None:
    points = torch.tensor([[9.0, 0.0], [9.0, 0.0]])
    labels = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    torch.manual_seed(3)
    plain = pair_losses(points, labels, torch.tensor([0, 1]), TedTraining(scale_loss=False, constrain=True))
    torch.manual_seed(3)
    scaled = pair_losses(points, labels, torch.tensor([0, 1]), TedTraining(constrain=True))
    chance = torch.exp(-plain)
    expected = plain * ((1 - chance) * 2) ** 4 if bool((chance > 0.5).any()) else plain
    torch.testing.assert_close(scaled, expected)


def test_a_margin_is_kept_from_wrong_labels_and_other_dialogues() -> None:
    torch.manual_seed(3)
    training = TedTraining(margin=(0.8, -0.2), negative_scale=0.5, cosine=True)
    losses = pair_losses(POINTS, LABEL_POINTS, torch.tensor([0, 1]), training)
    half = 0.5**0.5
    # One is too near to the other dialogue, which counts half; the other too near to the wrong label.
    assert losses[0].item() == pytest.approx((0.8 - half) + 0.5 * (half - 0.2), abs=1e-5)
    assert losses[1].item() == pytest.approx((0.8 - half) + (half - 0.2), abs=1e-5)


def examples_of(conversations: int, whole: bool) -> Examples:
    features = some_features(5 * conversations)
    moments = np.arange(5 * conversations).reshape(conversations, 5)
    if whole:
        return Examples(
            features, moments, np.tile(np.arange(5), (conversations, 1)), np.zeros(conversations, bool)
        )
    return Examples(features, moments, np.arange(conversations) % 5, np.zeros(conversations, bool))


@pytest.mark.parametrize("window", [0, 5])
def test_training_learns_and_is_repeatable(window: int) -> None:
    training = TedTraining(epochs=100, batch_size=(8, 8), density=1.0, learning_rate=0.005, scale_loss=False)
    examples = examples_of(8, whole=not window)
    sizes = shape(window=window)
    weights, losses = train_ted(sizes, training, examples, some_labels())
    again, _ = train_ted(sizes, training, examples, some_labels())
    assert losses[-1] < losses[0] / 3
    assert all(np.array_equal(weights[name], again[name]) for name in weights)
    inference = TedInference(sizes, weights)
    features = {
        part: values[:5][::-1] if window else values[:5] for part, values in examples.features.items()
    }
    assert int(np.argmax(inference.similarities(features))) == (0 if window else 4)


def test_moments_without_a_label_are_not_learnt_from() -> None:
    training = TedTraining(epochs=1, dropout_dialogue=0.0, learning_rate=0.0)

    def loss(features: dict[str, np.ndarray], labels: list[int]) -> float:
        examples = Examples(features, np.array([[0, 1, 2]]), np.array([labels]), np.zeros(1, bool))
        return train_ted(shape(), training, examples, some_labels())[1][0]

    features = some_features(3)
    changed = {part: values.copy() for part, values in features.items()}
    changed["slots"][2] += 1.0
    assert loss(features, [1, 2, NO_LABEL]) == loss(changed, [1, 2, NO_LABEL])
    assert loss(features, [1, 2, 3]) != loss(changed, [1, 2, 3])


def test_several_labels_can_be_right() -> None:
    targets = np.eye(6, dtype=np.int64)[[0, 1]] | np.eye(6, dtype=np.int64)[[2, 3]]
    examples = Examples(some_features(2), np.array([[0], [1]]), targets, np.zeros(2, bool))
    training = TedTraining(epochs=150, density=1.0, multi_label=True)
    sizes = shape(window=1)
    weights, _ = train_ted(sizes, training, examples, some_labels())
    for place, expected in enumerate(([0, 2], [1, 3])):
        features = {part: values[place : place + 1] for part, values in examples.features.items()}
        scores = TedInference(sizes, weights).similarities(features)
        assert sorted(np.argsort(-scores)[:2].tolist()) == expected


def test_gelu_is_torchs() -> None:
    values = np.linspace(-4, 4, 50, dtype=np.float32)
    expected = torch.nn.functional.gelu(torch.from_numpy(values), approximate="tanh").numpy()
    np.testing.assert_allclose(gelu(values), expected, atol=1e-6)
    assert softmax(np.zeros(4)).tolist() == [0.25] * 4
