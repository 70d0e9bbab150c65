"""Figures, animations and explorers as stored in a notebook: run by nbclient, compared by nbval in another kernel."""

import base64
import io
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

CELLS = (
    """
from optcourse.optimizers import SGD, SURFACES, descend
from optcourse.plots import bars, figure, race, show, show_animation
from optcourse.widgets import race_on_a_surface

picture, ax = figure()
bars({"sgd": 0, "adam": 8}, ax, unit="bytes a parameter")
show(picture, alt="Adam keeps 8 bytes a parameter, SGD none.")
""",
    """
path = descend(SURFACES["quadratic"], lambda params: SGD(params, lr=0.05), 20)
show_animation(race(SURFACES["quadratic"], {"sgd": path}), alt="SGD rolls into the bowl.")
""",
    "race_on_a_surface()",
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The executed notebook and its file."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    notebook.cells = [nbformat.v4.new_code_cell(source.strip()) for source in CELLS]
    path = tmp_path_factory.mktemp("stored") / "figures.ipynb"
    NotebookClient(
        notebook, timeout=600, startup_timeout=300, resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    nbformat.write(notebook, path)
    return notebook, path


def test_each_cell_stores_one_picture_with_its_words(stored):
    outputs = [cell.outputs for cell in stored[0].cells]
    assert [len(out) for out in outputs] == [1, 1, 1]
    words = [out[0].data["text/plain"] for out in outputs]
    assert words[:2] == ["Adam keeps 8 bytes a parameter, SGD none.", "SGD rolls into the bowl."]
    assert words[2].startswith("Race on a surface. ")
    for [out] in outputs:
        picture = Image.open(io.BytesIO(base64.b64decode(out.data["image/png"])))
        assert len(out.data["image/png"]) < 4 / 3 * 100_000
        assert picture.width > 500
        assert out.metadata["image/png"]["alt"]
    assert "application/vnd.jupyter.widget-view+json" in outputs[2][0].data
    assert getattr(Image.open(io.BytesIO(base64.b64decode(outputs[1][0].data["image/png"]))), "n_frames", 1) > 1


def test_widget_is_stored_with_its_picture_so_that_it_shows_without_a_kernel(stored):
    notebook, path = stored
    view = notebook.cells[2].outputs[0].data["application/vnd.jupyter.widget-view+json"]
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    assert view["model_id"] in states
    pictures = [state["state"]["value"] for state in states.values() if "<img" in str(state["state"].get("value"))]
    assert len(pictures) == 1
    assert notebook.cells[2].outputs[0].data["image/png"].strip() in pictures[0]
    assert path.stat().st_size < 500_000


def test_stored_outputs_compare_equal_in_another_kernel(stored):
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, str(stored[1])], cwd=stored[1].parent, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "3 passed" in done.stdout
