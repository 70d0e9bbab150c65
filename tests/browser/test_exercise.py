"""An exercise as a learner meets it: a wrong Adam is told its mistake, the mended one passes."""

from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.browser
EXERCISES = Path(__file__).parents[2] / "exercises" / "04_optimizers.ipynb"

ADAM = """\
import torch


class Adam:
    def __init__(self, params, lr, betas, eps):
        params = list(params)
        groups = params if params and isinstance(params[0], dict) else [{"params": params}]
        self.param_groups = [{"lr": lr, "betas": betas, "eps": eps, **g, "params": list(g["params"])} for g in groups]
        self.state = {}

    def zero_grad(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                t, m, v = self.state.get(p, (0, torch.zeros_like(p), torch.zeros_like(p)))
                t, m, v = t + 1, beta1 * m + (1 - beta1) * p.grad, beta2 * v + (1 - beta2) * p.grad**2
                self.state[p] = t, m, v
                m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
                p -= group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])
"""
WRONG_ADAM = ADAM.replace("m / (1 - beta1**t), v / (1 - beta2**t)", "m, v")


@pytest.fixture
def exercises(tmp_path):
    """The exercises, or a notebook with one empty cell and its check while there are none."""
    if EXERCISES.exists():
        return EXERCISES
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    answer = nbformat.v4.new_code_cell("class Adam:\n    pass")
    answer.metadata["nbgrader"] = {"grade_id": "optimizers_adam", "solution": True}
    check = 'from optcourse.grading import check\ncheck("optimizers.adam", Adam)'
    notebook.cells = [answer, nbformat.v4.new_code_cell(check)]
    path = tmp_path / "exercises.ipynb"
    nbformat.write(notebook, path)
    return path


def find(cells, condition):
    """Index of the one code cell for which the condition holds."""
    [index] = [i for i, cell in enumerate(cells) if cell["cell_type"] == "code" and condition(cell)]
    return index


def test_wrong_adam_is_told_its_mistake_and_the_mended_one_passes(exercises, open_notebook):
    lab = open_notebook(exercises)
    lab.run_all()
    assert lab.errors() == []  # the stub runs from top to bottom

    cells = lab.cells()
    answer = find(cells, lambda cell: cell["metadata"].get("nbgrader", {}).get("grade_id") == "optimizers_adam")
    check = find(cells, lambda cell: 'check("optimizers.adam"' in "".join(cell["source"]))
    for name, source, badge in (
        ("failed", WRONG_ADAM, "Not yet"),
        ("passed", ADAM, "Passed"),
    ):
        lab.write(answer, source)
        lab.run_cell(answer)
        lab.run_cell(check)
        card = lab.page.get_by_role("group", name=f"{badge}: Adam", exact=True)
        card.wait_for()
        assert ("no_bias_correction" in card.inner_text()) == (name == "failed")
        assert ("4/4 points" in card.inner_text()) == (name == "passed")
        card.scroll_into_view_if_needed()
        lab.screenshot(f"card_{name}")
        lab.theme("JupyterLab Dark")
        lab.screenshot(f"card_{name}_dark")
        lab.theme("JupyterLab Light")
    assert lab.errors() == []
    assert lab.strangers() == []
