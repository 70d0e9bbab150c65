"""Device, seeds, profile, the course's folder, and what the first cell of a notebook says."""

import os
import random
import re
import stat
import subprocess
import sys

import numpy as np
import pytest
import torch

from optcourse import __version__
from optcourse.lab import device as module
from optcourse.lab import place
from optcourse.lab.device import (
    begin,
    describe_machine,
    device,
    generator,
    home,
    on_colab,
    profile,
    seed_everything,
    seeds,
)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    """No variable of the caller's decides a test, and threads are put back."""
    for name in ("DEVICE", "PROFILE", "HOME", "THREADS"):
        monkeypatch.delenv(f"OPTCOURSE_{name}", raising=False)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_device_is_the_gpu_where_there_is_one():
    assert device().type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_device_by_variable_and_by_argument(monkeypatch):
    monkeypatch.setenv("OPTCOURSE_DEVICE", "meta")
    assert device() == torch.device("meta")
    assert device("cpu") == torch.device("cpu")
    assert device(torch.device("meta")) == torch.device("meta")


@pytest.mark.parametrize("name", ["gpu", "cpu:x", "", 1.5])
def test_a_name_torch_does_not_know(name):
    with pytest.raises(ValueError, match="device must name a torch device such as cpu or cuda:0, got"):
        device(name)


def test_a_variable_torch_does_not_know_is_named(monkeypatch):
    monkeypatch.setenv("OPTCOURSE_DEVICE", "gpu")
    with pytest.raises(ValueError, match=r"OPTCOURSE_DEVICE must name a torch device .* got 'gpu'"):
        device()


@pytest.mark.parametrize("name", ["cuda:99", "mps:0", "xpu"])
def test_a_device_the_machine_has_not(name):
    if name == "mps:0" and torch.backends.mps.is_available():
        name = "mps:99"
    with pytest.raises(ValueError, match=f"{name}.*this machine does not offer; use device=cpu"):
        device(name)


def test_seeding_repeats_all_three_generators():
    def draw():
        return random.random(), np.random.rand(), torch.rand(1).item()

    seed_everything(4)
    first = draw()
    assert draw() != first
    seed_everything(4)
    assert draw() == first


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_out_of_range(seed):
    with pytest.raises(ValueError, match=f"seed must be between 0 and 4294967295, got {seed}"):
        seed_everything(seed)


@pytest.mark.parametrize("seed", [1.0, True, "1", None, float("nan")])
def test_seeds_that_are_no_integers(seed):
    with pytest.raises(TypeError, match="seed must be an integer"):
        generator(seed)


def test_numpy_integers_are_seeds():
    assert torch.rand(2, generator=generator(np.int64(3))).equal(torch.rand(2, generator=generator(3)))


def test_a_generator_leaves_the_global_one_alone():
    before = torch.get_rng_state()
    torch.rand(3, generator=generator(9))
    assert torch.get_rng_state().equal(before)


def test_profile_decides_the_number_of_seeds(monkeypatch):
    assert (profile(), list(seeds())) == ("fast", [0, 1, 2])
    monkeypatch.setenv("OPTCOURSE_PROFILE", "full")
    assert (profile(), list(seeds()), list(seeds(1, 2))) == ("full", [0, 1, 2, 3, 4], [0, 1])
    monkeypatch.setenv("OPTCOURSE_PROFILE", "fats")
    with pytest.raises(ValueError, match="unknown OPTCOURSE_PROFILE 'fats'; did you mean 'fast'"):
        seeds()


def test_fewer_seeds_in_full_than_in_fast_is_an_error():
    with pytest.raises(ValueError, match="full must be at least 4, got 2"):
        seeds(4, 2)


def test_home_follows_its_variable_and_is_made(monkeypatch, tmp_path):
    monkeypatch.setenv("OPTCOURSE_HOME", str(tmp_path / "a" / "b"))
    assert home() == tmp_path / "a" / "b"
    assert home().is_dir()


@pytest.mark.parametrize(
    ("system", "variables", "expected"),
    [
        ("linux", {"XDG_DATA_HOME": "{0}/x"}, "x/optcourse"),
        ("linux", {"HOME": "{0}"}, ".local/share/optcourse"),
        ("darwin", {"HOME": "{0}"}, "Library/Application Support/optcourse"),
        ("win32", {"LOCALAPPDATA": "{0}/L"}, "L/optcourse"),
    ],
)
def test_home_is_where_the_platform_keeps_data(monkeypatch, tmp_path, system, variables, expected):
    monkeypatch.setattr(place.sys, "platform", system)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(tmp_path))
    assert home() == tmp_path / expected


def test_a_home_that_is_a_file_says_what_to_do(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OPTCOURSE_HOME", str(tmp_path / "file" / "inside"))
    with pytest.raises(PermissionError, match=r"cannot use .*inside .*set the environment variable OPTCOURSE_HOME"):
        home()


def test_a_home_without_permission_says_what_to_do(monkeypatch, tmp_path):
    # Root may write everywhere, so the answer of the operating system is given in its place.
    monkeypatch.setenv("OPTCOURSE_HOME", str(tmp_path))
    monkeypatch.setattr(place.os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match=r"no permission to write.*OPTCOURSE_HOME"):
        home()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_home_says_what_to_do(monkeypatch, tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    monkeypatch.setenv("OPTCOURSE_HOME", str(tmp_path))
    with pytest.raises(PermissionError, match="OPTCOURSE_HOME"):
        home()


def test_colab_is_recognized(monkeypatch):
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    assert not on_colab()
    monkeypatch.setitem(sys.modules, "google.colab", module)
    assert on_colab()


def test_the_machine_is_described_with_what_measurements_depend_on():
    machine = describe_machine()
    assert machine["torch"] == torch.__version__
    assert machine["cores"] >= 1
    assert {"python", "numpy", "optcourse", "platform", "processor", "threads", "device", "device_name"} < set(machine)
    assert all(machine[name] not in ("", None) for name in machine)


def test_begin_prints_one_line_and_marks_what_differs_between_machines(capsys):
    begin("04 optimizers", __version__, seed=3)
    release = ".".join(torch.__version__.split(".")[:2])
    assert capsys.readouterr().out == (
        f"optcourse {__version__}, lesson 04 optimizers, seed 3, device ⟨{device()}⟩, torch ⟨{release}⟩\n"
    )
    first = torch.rand(2)
    begin("04 optimizers", __version__, seed=3)
    assert torch.rand(2).equal(first)


@pytest.mark.parametrize(
    ("version", "advice"),
    [
        ("999.0", "newer than the .* pip install --upgrade optcourse"),
        ("0.0.1", "older than the .* optcourse lab .* nothing of yours is overwritten"),
    ],
)
def test_begin_says_how_to_mend_another_version(capsys, version, advice):
    begin("04 optimizers", version)
    line, said = capsys.readouterr().out.splitlines()
    assert line.startswith("optcourse ")
    assert said.startswith(f"This notebook is of optcourse {version}, ")
    assert re.search(advice, said)


def test_versions_are_compared_as_numbers():
    assert module._release("0.10.0") > module._release("0.9.1")
    assert module._release("0.1.0.dev3") == module._release("0.1.0")


@pytest.mark.parametrize("version", ["", "latest", None, 0.1])
def test_begin_refuses_what_is_no_version(version):
    with pytest.raises(ValueError, match="version must be a release number such as"):
        begin("04 optimizers", version)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, 1), ({"OMP_NUM_THREADS": "2"}, 2), ({"OPTCOURSE_THREADS": "2"}, 2), ({"OPTCOURSE_THREADS": "1"}, 1)],
)
def test_begin_sets_one_thread_unless_told_otherwise(monkeypatch, variables, expected):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    torch.set_num_threads(2)
    begin("04 optimizers", __version__)
    assert torch.get_num_threads() == expected


@pytest.mark.parametrize("threads", ["0", "two", "-1", "1.5"])
def test_a_wrong_number_of_threads_is_named(monkeypatch, threads):
    monkeypatch.setenv("OPTCOURSE_THREADS", threads)
    with pytest.raises(ValueError, match=r"OPTCOURSE_THREADS must be .*at least 1, got"):
        begin("04 optimizers", __version__)


def test_import_does_not_seed_or_set_threads():
    code = (
        "import torch; a, t = torch.get_rng_state(), torch.get_num_threads(); import optcourse.lab.device; "
        "assert torch.get_rng_state().equal(a) and torch.get_num_threads() == t"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
