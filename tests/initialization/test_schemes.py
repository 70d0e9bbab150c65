"""Schemes: reference against fast text, both against torch where torch means the same, and the variance law of each."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from optcourse import initialization
from optcourse.initialization import SCHEMES, fans, gain, initialize_

WEIGHTS = {
    "linear": ((60, 90), {}),
    "conv": ((24, 6, 3, 5), {"kind": "conv", "groups": 4}),
    "conv_transpose": ((24, 6, 3, 5), {"kind": "conv_transpose", "groups": 4}),
    "embedding": ((90, 60), {"kind": "embedding"}),
}
OPTIONS: dict[str, list[dict]] = {
    "lecun_normal": [{}],
    "lecun_uniform": [{}],
    "xavier_normal": [{}, {"gain": 1.7}],
    "xavier_uniform": [{}, {"gain": 1.7}],
    "he_normal": [{}, {"mode": "fan_out"}, {"activation": "leaky_relu", "negative_slope": 0.4}, {"activation": "tanh"}],
    "he_uniform": [
        {},
        {"mode": "fan_out"},
        {"activation": "leaky_relu", "negative_slope": 0.4},
        {"activation": "tanh"},
    ],
    "orthogonal": [{}, {"gain": 1.7}],
}
CASES = [(name, options) for name, rows in OPTIONS.items() for options in rows]
every_case = pytest.mark.parametrize(("name", "options"), CASES, ids=str)
every_weight = pytest.mark.parametrize("weight", WEIGHTS)


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_scheme_is_tested():
    assert set(OPTIONS) == set(SCHEMES)


@every_case
@every_weight
def test_reference_and_fast_text_draw_the_same(name, options, weight):
    shape, kind = WEIGHTS[weight]
    reference = getattr(initialization, f"{name}_reference")(shape, generator=seeded(), **kind, **options)
    fast = torch.full(shape, math.nan, dtype=torch.float64)
    returned = SCHEMES[name](fast, generator=seeded(), **kind, **options)
    assert returned is fast
    assert reference.dtype == torch.float64
    torch.testing.assert_close(fast, reference, rtol=1e-9, atol=1e-12)


TORCH: list[tuple[str, dict, Callable[..., Tensor]]] = [
    ("xavier_normal", {"gain": 1.3}, lambda w, g: nn.init.xavier_normal_(w, 1.3, generator=g)),
    ("xavier_uniform", {"gain": 1.3}, lambda w, g: nn.init.xavier_uniform_(w, 1.3, generator=g)),
    ("he_normal", {}, lambda w, g: nn.init.kaiming_normal_(w, nonlinearity="relu", generator=g)),
    (
        "he_normal",
        {"mode": "fan_out"},
        lambda w, g: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu", generator=g),
    ),
    (
        "he_uniform",
        {"activation": "leaky_relu", "negative_slope": 0.4},
        lambda w, g: nn.init.kaiming_uniform_(w, a=0.4, generator=g),
    ),
    ("lecun_normal", {}, lambda w, g: nn.init.kaiming_normal_(w, nonlinearity="linear", generator=g)),
    ("lecun_uniform", {}, lambda w, g: nn.init.kaiming_uniform_(w, nonlinearity="linear", generator=g)),
    ("orthogonal", {"gain": 1.3}, lambda w, g: nn.init.orthogonal_(w, 1.3, generator=g)),
]


@pytest.mark.parametrize(("name", "options", "theirs"), TORCH, ids=[f"{row[0]} {row[1]}" for row in TORCH])
@pytest.mark.parametrize(("shape", "kind"), [((40, 60), "linear"), ((60, 40), "linear"), ((16, 8, 3, 3), "conv")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_same_numbers_as_torch(name, options, theirs, shape, kind, dtype):
    """Under one generator, for linear layers and ungrouped convolutions."""
    ours = SCHEMES[name](torch.empty(shape, dtype=dtype), kind=kind, generator=seeded(), **options)
    torch.testing.assert_close(ours, theirs(torch.empty(shape, dtype=dtype), seeded()), rtol=1e-5, atol=1e-6)


def variance_of(name: str, options: dict, fan_in: int, fan_out: int) -> float:
    """The law, written once more."""
    g = options.get("gain", 1.0)
    if name.startswith("lecun"):
        return 1 / fan_in
    if name.startswith("xavier"):
        return 2 * g**2 / (fan_in + fan_out)
    backward = options.get("mode") == "fan_out"
    slope = options.get("negative_slope", 0.01)
    g = gain(options.get("activation", "relu"), "backward" if backward else "forward", negative_slope=slope)
    return g**2 / (fan_out if backward else fan_in)


@pytest.mark.parametrize(("name", "options"), [case for case in CASES if case[0] != "orthogonal"], ids=str)
@every_weight
def test_the_law_of_the_weights(name, options, weight):
    """Mean, variance and fourth moment over 200 draws, each within six standard errors."""
    shape, kind = WEIGHTS[weight]
    draw = seeded()
    w = torch.stack([SCHEMES[name](torch.empty(shape), generator=draw, **kind, **options) for _ in range(200)])
    expected = variance_of(name, options, *fans(shape, **kind))
    standard = w.double() / expected**0.5
    n = standard.numel()
    fourth = 3.0 if name.endswith("normal") else 1.8  # of a normal, of a uniform law with variance 1
    assert abs(float(standard.mean())) < 6 / n**0.5
    assert abs(float(standard.square().mean()) - 1) < 6 * ((fourth - 1) / n) ** 0.5
    assert abs(float(standard.pow(4).mean()) - fourth) < 6 * (96 / n) ** 0.5
    if name.endswith("uniform"):
        assert float(standard.abs().max()) == pytest.approx(3**0.5, rel=1e-3)


LAYERS = {
    "linear": (nn.Linear(40, 70, bias=False), (40,)),
    "conv": (nn.Conv1d(8, 12, 3, groups=2, padding=1, padding_mode="circular", bias=False), (8, 20)),
    "dilated": (nn.Conv1d(8, 12, 3, dilation=2, padding=2, padding_mode="circular", bias=False), (8, 20)),
    "embedding": (nn.Embedding(50, 30), ()),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_lecun_hands_on_the_variance(layer):
    """Monte-Carlo over weights and inputs: E[y^2] = E[x^2]; for the gradient the fan_out takes the fan_in's place."""
    module, shape = LAYERS[layer]
    draw = seeded()
    forward, backward = [], []
    for _ in range(200):
        initialize_(module, SCHEMES["lecun_normal"], generator=draw)
        if layer == "embedding":
            forward.append(module(torch.randint(50, (20,), generator=draw)).square().mean())
            continue
        x = torch.randn(20, *shape, generator=draw).requires_grad_()
        y = module(x)
        (g,) = torch.autograd.grad(y, x, torch.randn(y.shape, generator=draw))
        forward.append(y.detach().square().mean())
        backward.append(g.square().mean())
    fan_in, fan_out = initialization.fans_of(module)
    _assert_mean(forward, 1.0)
    if backward:
        _assert_mean(backward, fan_out / fan_in)


def _assert_mean(values: list[Tensor], expected: float) -> None:
    numbers = torch.stack(values).detach()
    error = 6 * float(numbers.std()) / len(numbers) ** 0.5
    assert error < 0.1 * expected  # else this asserts nothing
    assert abs(float(numbers.mean()) - expected) < error


def test_he_for_the_gradient_takes_the_backward_gain():
    wide = fans((200, 400))
    w = SCHEMES["he_normal"](torch.empty(200, 400), mode="fan_out", activation="tanh", generator=seeded())
    assert float(w.std()) * wide.fan_out**0.5 == pytest.approx(gain("tanh", "backward"), rel=0.02)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", SCHEMES)
def test_half_precision(name, dtype):
    w = SCHEMES[name](torch.zeros(64, 64, dtype=dtype), generator=seeded())
    assert w.dtype == dtype
    assert 0.5 < float(w.float().std()) * 8 < 2


@pytest.mark.parametrize("name", SCHEMES)
def test_parameters_and_views(name):
    """A parameter that requires gradients and a slice of a larger tensor are filled, and nothing beside them."""
    parameter = nn.Parameter(torch.zeros(6, 5))
    assert SCHEMES[name](parameter) is parameter
    assert parameter.grad_fn is None
    large = torch.zeros(10, 6)
    SCHEMES[name](large.T[:, ::2])
    assert (large[::2] != 0).all()
    assert (large[1::2] == 0).all()


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize(
    ("weight", "options", "error", "message"),
    [
        (torch.ones(5), {}, ValueError, "at least 2 axes"),
        (torch.ones(5, 0), {}, ValueError, "no axis of length 0"),
        (torch.ones(5, 4, dtype=torch.int64), {}, TypeError, "floating numbers, got torch.int64"),
        (torch.ones(5, 4, 3), {}, ValueError, "did you mean kind='conv'"),
        (torch.ones(5, 4, 3), {"kind": "conv", "groups": 2}, ValueError, "divide the first axis"),
    ],
)
def test_bad_weights_stay_as_they_were(name, weight, options, error, message):
    before = weight.clone()
    with pytest.raises(error, match=message):
        SCHEMES[name](weight, **options)
    assert torch.equal(weight, before)


@pytest.mark.parametrize("name", ["xavier_normal", "xavier_uniform", "orthogonal"])
@pytest.mark.parametrize(
    ("value", "error"),
    [
        (math.nan, ValueError),
        (0, ValueError),
        (-1.0, ValueError),
        (math.inf, ValueError),
        ("2", TypeError),
        (True, TypeError),
    ],
)
def test_bad_gains(name, value, error):
    weight = torch.ones(3, 4)
    with pytest.raises(error, match="gain must be"):
        SCHEMES[name](weight, gain=value)
    assert (weight == 1).all()


@pytest.mark.parametrize("name", ["he_normal", "he_uniform"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "fan_avg"}, "mode must be 'fan_in' or 'fan_out', got 'fan_avg'"),
        ({"activation": "rleu"}, "did you mean 'relu'"),
        ({"activation": "leaky_relu", "negative_slope": math.nan}, "negative_slope must be finite"),
    ],
)
def test_bad_options_of_he(name, options, message):
    weight = torch.ones(3, 4)
    with pytest.raises(ValueError, match=message):
        SCHEMES[name](weight, **options)
    assert (weight == 1).all()


def test_a_whole_network():
    net = nn.Sequential(nn.Conv2d(4, 8, 3, groups=2), nn.BatchNorm2d(8), nn.ConvTranspose2d(8, 6, 3), nn.Linear(5, 9))
    initialize_(net, SCHEMES["he_normal"], generator=seeded(), mode="fan_out")
    draw = seeded()
    for layer, kind, groups in ((net[0], "conv", 2), (net[2], "conv_transpose", 1), (net[3], "linear", 1)):
        alone = SCHEMES["he_normal"](
            torch.empty_like(layer.weight), kind=kind, groups=groups, mode="fan_out", generator=draw
        )
        assert torch.equal(layer.weight, alone)
        assert (layer.bias == 0).all()
    assert (net[1].weight == 1).all()


def test_a_network_is_as_before_after_an_error():
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    before = [parameter.clone() for parameter in net.parameters()]
    with pytest.raises(ValueError, match="gain must be"):
        initialize_(net, SCHEMES["xavier_normal"], gain=-1.0)
    with pytest.raises(ValueError, match="no layer with a weight"):
        initialize_(nn.ReLU(), SCHEMES["xavier_normal"])
    assert all(torch.equal(old, new) for old, new in zip(before, net.parameters(), strict=True))
