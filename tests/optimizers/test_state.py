"""Saving and loading: round trips, torch's own states, and layouts that are refused without any change."""

import copy
import io
from typing import Any

import pytest
import torch

from optcourse.optimizers import SAM, SGD, Adagrad, Adam, AdamW, Momentum, Nesterov, RMSprop
from tests.optimizers.cases import (
    Case,
    assert_same,
    every_case,
    inject,
    make_gradients,
    make_parameters,
    parameters_of,
    run,
)


def through_a_file(state_dict: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state_dict, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def adam_after_a_step(**options: Any) -> Adam:
    optimizer = Adam([torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(3))], **options)
    inject(optimizer, [torch.ones(2), torch.ones(3)])
    return optimizer


@every_case
@pytest.mark.parametrize("transport", [copy.deepcopy, through_a_file], ids=["copy", "file"])
def test_round_trip(case: Case, transport: Any) -> None:
    saved_from = case.ours(make_parameters())
    inject(saved_from, [None, *make_gradients(9)[1:]])  # one parameter has no state yet, or another count
    run(saved_from, range(3))
    state_dict = transport(saved_from.state_dict())
    loaded = case.ours([theta.clone().requires_grad_() for theta in parameters_of(saved_from)], lr=0.77)
    loaded.load_state_dict(state_dict)
    run(saved_from, range(3, 6))
    run(loaded, range(3, 6))
    assert_same(parameters_of(loaded), parameters_of(saved_from))
    assert [*loaded.state_dict()["param_groups"][0]] == [*saved_from.state_dict()["param_groups"][0]]


@every_case
@pytest.mark.parametrize("transport", [lambda it: it, through_a_file], ids=["live", "file"])
def test_loading_what_torch_saved(case: Case, transport: Any) -> None:
    """Both continue alike, and apart: a live state is copied, not shared."""
    theirs = case.torch(make_parameters())
    inject(theirs, [None, *make_gradients(9)[1:]])
    run(theirs, range(3))
    ours = case.ours([theta.clone().requires_grad_() for theta in parameters_of(theirs)], lr=0.77)
    ours.load_state_dict(transport(theirs.state_dict()))
    for seed in range(3, 6):
        inject(theirs, make_gradients(seed))
        inject(ours, make_gradients(seed))
        assert_same(parameters_of(ours), parameters_of(theirs), 1e-12)  # as in test_parity.py
    assert ours.param_groups[0]["lr"] == case.options["lr"]


def test_names_of_torch_are_translated() -> None:
    theirs = torch.optim.Adam([torch.nn.Parameter(torch.ones(2))], amsgrad=True)
    inject(theirs, [torch.ones(2)])
    theta = torch.nn.Parameter(torch.ones(2))
    optimizer = Adam([theta])
    optimizer.load_state_dict(theirs.state_dict())
    assert {name: type(value) for name, value in optimizer.state[theta].items()} == {
        "t": int,
        "m": torch.Tensor,
        "v": torch.Tensor,
        "v_max": torch.Tensor,
    }
    assert sorted(optimizer.param_groups[0]) == sorted(Adam([theta]).param_groups[0])  # none of foreach, fused, ...


def test_loading_casts_to_the_parameter() -> None:
    low = Adam([torch.nn.Parameter(torch.ones(2, dtype=torch.bfloat16)), torch.nn.Parameter(torch.ones(3))])
    low.load_state_dict(adam_after_a_step().state_dict())
    assert [state["m"].dtype for state in low.state.values()] == [torch.bfloat16, torch.float32]


def test_flag_younger_than_the_file() -> None:
    """torch before 2.7 saved AdamW's groups without decoupled_weight_decay."""
    old = AdamW([torch.nn.Parameter(torch.ones(2))]).state_dict()
    for key in ("decoupled_weight_decay", "maximize", "amsgrad"):
        del old["param_groups"][0][key]
    optimizer = AdamW([torch.nn.Parameter(torch.ones(2))])
    optimizer.load_state_dict(old)
    assert optimizer.param_groups[0]["decoupled_weight_decay"] is True
    assert optimizer.param_groups[0]["amsgrad"] is False


@pytest.mark.parametrize("kind", [SGD, Momentum])
def test_buffer_not_used_yet(kind: Any) -> None:
    """Older releases of torch save momentum_buffer as None where momentum is 0."""
    saved = kind([torch.nn.Parameter(torch.ones(2))]).state_dict()
    saved["state"] = {0: {"momentum_buffer": None}}
    optimizer = kind([torch.nn.Parameter(torch.ones(2))], lr=0.5)
    optimizer.load_state_dict(saved)
    inject(optimizer, [torch.ones(2)])
    assert_same(parameters_of(optimizer), [torch.ones(2) - saved["param_groups"][0]["lr"]])


def test_options_unknown_to_us_are_kept() -> None:
    """Schedulers and users leave keys of their own in groups."""
    saved = SGD([torch.nn.Parameter(torch.ones(1))]).state_dict()
    saved["param_groups"][0]["initial_lr"] = 0.4
    optimizer = SGD([torch.nn.Parameter(torch.ones(1))])
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["initial_lr"] == 0.4


def _put_state(key: str, value: Any) -> Any:
    return lambda saved: saved["state"][1].__setitem__(key, value)


def _put_option(key: str, value: Any) -> Any:
    return lambda saved: saved["param_groups"][0].__setitem__(key, value)


def _drop(*path: Any) -> Any:
    def drop(saved: Any) -> None:
        for key in path[:-1]:
            saved = saved[key]
        saved.pop(path[-1])

    return drop


BROKEN = {
    "unknown state": (_put_state("exp_inf", torch.ones(3)), "key 'exp_inf' is not known.*exp_avg"),
    "missing state": (_drop("state", 1, "v"), r"key 'v' \(torch's 'exp_avg_sq'\) is missing"),
    "missing maximum": (_put_option("amsgrad", True), r"key 'v_max' \(torch's 'max_exp_avg_sq'\) is missing"),
    "wrong shape": (_put_state("m", torch.ones(4)), r"key 'm' must be .* shape \(3,\), got torch.float32 \(4,\)"),
    "complex": (_put_state("m", torch.ones(3) * 1j), r"key 'm' must be a real tensor .*, got torch.complex64 \(3,\)"),
    "no tensor": (_put_state("m", 3.0), "key 'm' must be a real tensor .*, got float"),
    "fractional count": (_put_state("t", 1.5), r"key 't' must be a whole number >= 0, got 1\.5"),
    "negative count": (_put_state("t", torch.tensor(-1.0)), r"key 't' must be a whole number >= 0, got -1\.0"),
    "text count": (_put_state("t", "two"), "key 't' must be a whole number >= 0, got 'two'"),
    "NaN count": (_put_state("t", float("nan")), "key 't' must be a whole number >= 0, got nan"),
    "NaN rate": (_put_option("lr", float("nan")), "lr must be finite and >= 0, got nan"),
    "missing rate": (_drop("param_groups", 0, "lr"), "group option 'lr' is missing"),
    "decoupled": (_put_option("decoupled_weight_decay", True), "'decoupled_weight_decay' is True"),
    "sizes": (_drop("param_groups", 0, "params", 0), r"groups of \[1\] .* groups of \[2\]"),
    "stray state": (lambda saved: saved["state"].update({7: {}}), r"for parameters \[7\]"),
    "no groups": (_drop("param_groups"), "state_dict has no key 'param_groups'"),
    "no state": (_drop("state"), "state_dict has no key 'state'"),
}


@pytest.mark.parametrize(("breaks", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_layout_is_refused_whole(breaks: Any, message: str) -> None:
    saved = copy.deepcopy(adam_after_a_step(lr=0.5).state_dict())
    breaks(saved)
    optimizer = adam_after_a_step()
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(saved)
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    assert_same([*after["state"].values()], [*before["state"].values()])


def test_state_dict_must_be_a_dict() -> None:
    with pytest.raises(TypeError, match=r"state_dict must be a dict, got list; pass optimizer.state_dict\(\)"):
        adam_after_a_step().load_state_dict([])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ours", "theirs", "options", "key"),
    [
        (SGD, torch.optim.SGD, {"momentum": 0.9}, "momentum"),
        (Momentum, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}, "nesterov"),
        (Momentum, torch.optim.SGD, {"momentum": 0.9, "dampening": 0.1}, "dampening"),
        (Nesterov, torch.optim.SGD, {"momentum": 0.9}, "nesterov"),
        (Adagrad, torch.optim.Adagrad, {"lr_decay": 0.1}, "lr_decay"),
        (Adam, torch.optim.AdamW, {}, "decoupled_weight_decay"),
        (AdamW, torch.optim.Adam, {}, "decoupled_weight_decay"),
        (RMSprop, torch.optim.Adam, {}, "alpha"),
        (SAM, torch.optim.SGD, {"momentum": 0.9}, "momentum"),
    ],
)
def test_another_algorithm_is_named(ours: Any, theirs: Any, options: dict[str, Any], key: str) -> None:
    saved = theirs([torch.nn.Parameter(torch.ones(2))], **options)
    if key == "decoupled_weight_decay" and key not in saved.param_groups[0]:
        pytest.skip("torch 2.6 writes no decoupled_weight_decay: its state does not tell Adam from AdamW")
    inject(saved, [torch.ones(2)])
    theta = torch.nn.Parameter(torch.ones(2))
    optimizer = ours([theta])
    with pytest.raises(ValueError, match=f"group option '{key}'"):
        optimizer.load_state_dict(saved.state_dict())
    assert not optimizer.state


def test_sam_loads_rho_and_shares_with_its_base() -> None:
    saved = SAM(make_parameters(), rho=0.4, base=Momentum, momentum=0.5)
    run(saved, range(2))
    optimizer = SAM(make_parameters(), rho=0.1, base=Momentum)
    optimizer.load_state_dict(saved.state_dict())
    assert optimizer.param_groups[0]["rho"] == 0.4
    assert optimizer.state is optimizer.base.state
    assert optimizer.param_groups is optimizer.base.param_groups

    broken = saved.state_dict()
    broken["param_groups"][0]["rho"] = -1.0
    with pytest.raises(ValueError, match=r"rho must be finite and >= 0, got -1\.0"):
        optimizer.load_state_dict(broken)
    assert optimizer.param_groups[0]["rho"] == 0.4
