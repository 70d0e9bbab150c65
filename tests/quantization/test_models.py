"""Layers and whole models in integers, folding, dynamic quantization, and training through rounding."""

import copy
from fractions import Fraction

import pytest
import torch
from torch import nn

from optcourse.quantization import (
    INT8_PER_CHANNEL,
    DynamicLinear,
    EntropyObserver,
    FakeQuantizer,
    IntegerLayer,
    IntegerMaxPool2d,
    IntegerReLU,
    MinMaxObserver,
    MSEObserver,
    PercentileObserver,
    Scheme,
    SimulatedLayer,
    convert,
    dequantize,
    fake_quantize,
    fold_batch_norm,
    fold_batch_norm_reference,
    parameters_for,
    quantize,
    quantize_dynamic,
    quantize_static,
    simulate,
)
from tests.quantization.cases import draw

AFFINE_PER_CHANNEL = Scheme(signed=True, axis=0)
WEIGHTS = [INT8_PER_CHANNEL, AFFINE_PER_CHANNEL, Scheme(), Scheme(bits=4, signed=True, axis=0)]


def seeded(make):
    """A module with its weights drawn from seed 0, the global generator left alone."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make()


def small_cnn() -> nn.Sequential:
    return seeded(
        lambda: nn.Sequential(
            nn.Sequential(nn.Conv2d(3, 6, (3, 2), padding=(1, 0), bias=False), nn.BatchNorm2d(6), nn.ReLU()),
            nn.MaxPool2d(2, padding=1),
            nn.Conv2d(6, 4, 3, stride=(2, 1), groups=2),
            nn.Dropout(0.5),
            nn.ReLU(),
            nn.Flatten(),
            nn.Identity(),
            nn.Linear(16, 7),
            nn.BatchNorm1d(7),
        )
    )


def warmed(model: nn.Sequential, x: torch.Tensor) -> nn.Sequential:
    """With running statistics and an affine part that are not those of a new normalization."""
    model.train()
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.weight.uniform_(0.3, 2)
                module.bias.normal_()
        for _ in range(20):
            model(x)
    return model.eval()


IMAGES = draw(0, 40, 3, 9, 8, dtype=torch.float32)


@pytest.mark.parametrize("weight", WEIGHTS, ids=repr)
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("rounding", ["fixed_point", "float_scale"])
def test_integer_linear_by_hand(weight: Scheme, relu: bool, rounding: str) -> None:
    """One output after another in Python's whole numbers and fractions."""
    linear, x = seeded(lambda: nn.Linear(5, 3)).double(), draw(1, 4, 5)
    y = linear(x).detach()
    grids = parameters_for(x), parameters_for(linear.weight, weight), parameters_for(y.relu() if relu else y)
    q_x, q_w = quantize(x, grids[0]), quantize(linear.weight.detach(), grids[1])
    q_y = IntegerLayer(linear, *grids, relu, rounding)(q_x)
    s_x, s_y = Fraction(float(grids[0].scale)), Fraction(float(grids[2].scale))
    z_x, z_y = int(grids[0].zero_point), int(grids[2].zero_point)
    for i in range(4):
        for j in range(3):
            s_w = Fraction(float(grids[1].scale.expand(3)[j]))
            z_w = int(grids[1].zero_point.expand(3)[j])
            bias = round(Fraction(float(linear.bias.detach()[j])) / (s_x * s_w))
            total = sum((int(q_x[i, k]) - z_x) * (int(q_w[j, k]) - z_w) for k in range(5)) + bias
            expected = round(total * s_x * s_w / s_y) + z_y
            assert int(q_y[i, j]) == min(max(expected, z_y if relu else 0), 255)
    assert z_x != 0
    assert relu or z_y not in (0, 255)


@pytest.mark.parametrize("weight", WEIGHTS, ids=repr)
@pytest.mark.parametrize(
    "options",
    [{"padding": 1}, {"stride": 2, "groups": 2}, {"dilation": (2, 1), "padding": (0, 2), "bias": False}],
    ids=str,
)
def test_integer_conv_is_the_rounded_convolution(weight: Scheme, options: dict) -> None:
    """Against a float64 convolution of the rounded numbers: within one step, where the rounded bias crosses a tie.

    It is off by up to half a unit of the accumulator, which is s_x s_w / s_y of a step: 0.04 with weights of 4 bits,
    so one output in a hundred moves.
    """
    conv = seeded(lambda: nn.Conv2d(4, 6, (3, 2), **options)).double()
    x = draw(2, 3, 4, 8, 9)
    grids = parameters_for(x), parameters_for(conv.weight, weight), parameters_for(conv(x))
    simulated = copy.deepcopy(conv)
    with torch.no_grad():
        simulated.weight.copy_(fake_quantize(conv.weight, grids[1]))
        expected = quantize(simulated(fake_quantize(x, grids[0])), grids[2]).int()
    q_y = IntegerLayer(conv, *grids)(quantize(x, grids[0])).int()
    assert q_y.shape == expected.shape
    difference = (q_y - expected).abs()
    assert int(difference.max()) <= 1
    assert float((difference > 0).float().mean()) < 0.02
    assert len(q_y.unique()) > 100


def test_relu_and_pooling_commute_with_dequantization() -> None:
    x = draw(3, 2, 3, 8, 6, shift=0.2)
    grid = parameters_for(x)
    q = quantize(x, grid)
    assert int(grid.zero_point) > 20
    assert torch.equal(dequantize(IntegerReLU(int(grid.zero_point))(q), grid), dequantize(q, grid).relu())
    pool = nn.MaxPool2d((3, 2), stride=2, padding=1, ceil_mode=True)
    pooled = IntegerMaxPool2d(pool)(q)
    assert pooled.dtype == torch.uint8
    assert torch.equal(dequantize(pooled, grid), pool(dequantize(q, grid)))


@pytest.mark.parametrize(
    ("layer", "norm", "shape"),
    [
        (lambda: nn.Linear(5, 4), lambda: nn.BatchNorm1d(4, eps=0.1), (6, 5)),
        (lambda: nn.Linear(5, 4, bias=False), lambda: nn.BatchNorm1d(4, affine=False), (6, 5)),
        (lambda: nn.Conv2d(4, 6, (3, 2), groups=2), lambda: nn.BatchNorm2d(6), (3, 4, 5, 6)),
        (lambda: nn.Conv1d(2, 3, 2, bias=False), lambda: nn.BatchNorm1d(3), (4, 2, 7)),
    ],
)
def test_folding_changes_nothing(layer, norm, shape) -> None:
    x = draw(4, *shape)
    model = nn.Sequential(seeded(layer), norm()).double()
    if model[1].affine:
        warmed(model, x)
    else:
        model(x)
        model.eval()
    before = copy.deepcopy(model.state_dict())
    folded = fold_batch_norm(*model)
    torch.testing.assert_close(folded(x), model(x), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(dict(model.state_dict()), dict(before), rtol=0, atol=0)
    assert not torch.equal(folded.weight, model[0].weight)


def test_folding_against_torchs() -> None:
    conv, norm = seeded(lambda: nn.Conv2d(3, 5, 2)).double(), nn.BatchNorm2d(5).double()
    warmed(nn.Sequential(conv, norm), draw(5, 4, 3, 6, 5))
    weight, bias = fold_batch_norm_reference(
        conv.weight,
        conv.bias,
        mean=norm.running_mean,
        variance=norm.running_var,
        gamma=norm.weight,
        beta=norm.bias,
        eps=norm.eps,
    )
    theirs = torch.nn.utils.fuse_conv_bn_eval(conv.eval(), norm.eval())
    torch.testing.assert_close((weight, bias), (theirs.weight, theirs.bias), rtol=1e-12, atol=1e-12)


def test_dynamic_is_the_rounded_product() -> None:
    linear, x = seeded(lambda: nn.Linear(9, 4)), draw(6, 2, 3, 9, dtype=torch.float32)
    for weight in WEIGHTS:
        dynamic = DynamicLinear(linear, weight)
        rounded = fake_quantize(linear.weight.detach(), parameters_for(linear.weight, weight)).double()
        expected = fake_quantize(x, parameters_for(x)).double() @ rounded.T + linear.bias.double()
        torch.testing.assert_close(dynamic(x).double(), expected, rtol=1e-5, atol=1e-5)
    without = DynamicLinear(nn.Linear(9, 4, bias=False))
    assert not without(torch.zeros(3, 9)).any()
    assert "q_weight" in dynamic.state_dict()


def test_dynamic_replaces_linear_layers_alone() -> None:
    model = seeded(lambda: nn.Sequential(nn.Conv2d(2, 3, 2), nn.Flatten(), nn.Sequential(nn.Linear(36, 5), nn.Tanh())))
    before = copy.deepcopy(model.state_dict())
    result = quantize_dynamic(model)
    x = draw(7, 4, 2, 4, 5, dtype=torch.float32)
    torch.testing.assert_close(result(x), model(x), rtol=0, atol=0.05)
    assert not torch.equal(result(x), model(x))
    assert [type(module) for module in (result[0], result[2][0], model[2][0])] == [nn.Conv2d, DynamicLinear, nn.Linear]
    torch.testing.assert_close(dict(model.state_dict()), dict(before), rtol=0, atol=0)
    assert isinstance(quantize_dynamic(nn.Linear(3, 2)), DynamicLinear)


def test_dynamic_weights_can_be_read() -> None:
    linear = seeded(lambda: nn.Linear(9, 4))
    for scheme in WEIGHTS:
        rounded = fake_quantize(linear.weight.detach(), parameters_for(linear.weight, scheme))
        torch.testing.assert_close(torch.Tensor(DynamicLinear(linear, scheme).weight), rounded, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
def test_dynamic_linear_inside_a_transformer(layers: int, gradients: bool) -> None:
    """torch's layer reads its children's weights, and without gradients would pass their forward by."""
    layer = seeded(lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True))
    model = (layer if layers == 1 else nn.TransformerEncoder(layer, layers)).eval()
    x = draw(11, 3, 5, 8, dtype=torch.float32)
    quantized, rounded = quantize_dynamic(model), copy.deepcopy(model)
    for module in rounded.modules():
        if type(module) is nn.Linear:
            module.weight.data = DynamicLinear(module).weight.as_subclass(torch.Tensor)
    with torch.set_grad_enabled(gradients):
        results = [net(x) for net in (quantized, rounded, model)]
        torch.testing.assert_close(results[0], results[2], rtol=0, atol=0.1)
        assert not torch.allclose(results[0], results[1], rtol=0, atol=1e-3), "activations were not quantized"


@pytest.mark.parametrize("weight", [INT8_PER_CHANNEL, AFFINE_PER_CHANNEL])
@pytest.mark.parametrize(
    "observer", [MinMaxObserver, MSEObserver, PercentileObserver, EntropyObserver], ids=lambda kind: kind.__name__
)
def test_a_whole_model_in_integers(weight: Scheme, observer) -> None:
    model = warmed(small_cnn(), IMAGES)
    before = copy.deepcopy(model.state_dict())
    simulated = simulate(model, IMAGES.split(10), weight=weight, observer=observer)
    integer = convert(simulated)
    with torch.no_grad():
        floating, rounded, whole = model(IMAGES), simulated(IMAGES), integer(IMAGES)
    step = float(integer.output.scale)
    assert int(integer.output.zero_point) not in (0, 255)
    # Where a layer's requantization falls on the other side of a tie, the layers behind it may see another step.
    assert float((whole - rounded).abs().max()) <= 3 * step * 1.001
    assert float(((whole - rounded).abs() > step / 2).float().mean()) < 0.1
    assert float((rounded - floating).norm() / floating.norm()) < 0.06
    torch.testing.assert_close(dict(model.state_dict()), dict(before), rtol=0, atol=0)
    assert all(not q.is_floating_point() for name, q in integer.layers.state_dict().items() if "multiplier" not in name)


def test_both_roundings_of_a_model_are_near() -> None:
    model = warmed(small_cnn(), IMAGES)
    fixed, floats = (quantize_static(model, [IMAGES], rounding) for rounding in ("fixed_point", "float_scale"))
    assert float((fixed(IMAGES) - floats(IMAGES)).abs().max()) <= 2.001 * float(fixed.output.scale)


def test_integers_flow_inside() -> None:
    model = warmed(small_cnn(), IMAGES)
    integer = quantize_static(model, [IMAGES])
    seen = []
    for layer in integer.layers:
        layer.register_forward_hook(lambda module, given, result: seen.extend([given[0].dtype, result.dtype]))
    integer(IMAGES)
    assert set(seen) == {torch.uint8}
    assert integer.stored_bytes() == 6 * 3 * 6 + 4 * 3 * 9 + 7 * 16 + 4 * (6 + 4 + 7)
    assert [type(layer).__name__ for layer in integer.layers] == [
        "IntegerLayer",
        "IntegerMaxPool2d",
        "IntegerLayer",
        "IntegerReLU",
        "Flatten",
        "IntegerLayer",
    ]


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_simulated_activations_have_few_values(bits: int) -> None:
    model = warmed(small_cnn(), IMAGES)
    simulated = simulate(model, [IMAGES], weight=Scheme(bits, True, True, 0), activation=Scheme(bits))
    seen = {}
    for name, module in simulated.named_modules():
        if isinstance(module, FakeQuantizer):
            module.register_forward_hook(
                lambda module, given, result, name=name: seen.update({name: len(result.unique())})
            )
    simulated(IMAGES)
    first, *inner, last = seen.values()
    assert max(inner) <= 2**bits
    assert bits == 8 or 2**bits < min(first, last)  # the ends keep 8 bits
    for layer in simulated:
        if isinstance(layer, SimulatedLayer):
            grid = layer.weight_grid()
            rounded = fake_quantize(layer.layer.weight.detach(), grid)
            assert all(len(row.unique()) <= 2**bits - 1 for row in rounded)


def test_rounding_weights_alone() -> None:
    model = warmed(small_cnn(), IMAGES)
    simulated = simulate(model, [IMAGES], weight=Scheme(3, True, True, 0), activation=None)
    assert not any(isinstance(module, FakeQuantizer) for module in simulated.modules())
    folded = simulate(model, [IMAGES], weight=Scheme(16, True, True, 0), activation=None)
    torch.testing.assert_close(folded(IMAGES), model(IMAGES), rtol=0, atol=1e-3)
    with pytest.raises(TypeError, match="made with activation=None"):
        convert(simulated)


def test_training_lowers_the_loss_of_a_coarse_model() -> None:
    """Three levels a weight: training through the rounding finds better ones; the ranges follow when asked to."""
    x = draw(8, 200, 6, dtype=torch.float32)
    y = (x[:, 0] > x[:, 3]).long()
    model = seeded(lambda: nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2)))
    scheme = Scheme(2, signed=True, symmetric=True, axis=0)
    simulated = simulate(model, [x], weight=scheme, activation=Scheme(3), averaging_constant=0.1).train()
    ranges = [module.high.clone() for module in simulated.modules() if isinstance(module, FakeQuantizer)]
    optimizer = torch.optim.Adam(simulated.parameters(), lr=0.02)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(simulated(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    moved = [module.high for module in simulated.modules() if isinstance(module, FakeQuantizer)]
    assert all(bool(old != new) for old, new in zip(ranges[1:], moved[1:], strict=True))
    simulated.eval()
    stored = simulated.state_dict()
    other = simulate(model, [x[:10]], weight=scheme, activation=Scheme(3))
    other.load_state_dict(stored)
    assert torch.equal(other(x), simulated(x))
    assert float((convert(simulated)(x).argmax(1) == simulated(x).argmax(1)).float().mean()) > 0.97


def test_ranges_stay_without_averaging() -> None:
    model, x = seeded(lambda: nn.Linear(4, 3)), draw(9, 20, 4, dtype=torch.float32)
    simulated = simulate(model, [x]).train()
    simulated(x * 10)
    assert float(simulated[0].high) == float(x.max())
