"""Answers that lie about themselves, speak for the sandbox, or are somebody else's."""

from tests.grading.sandbox.attacks.attack import DIAGNOSIS, MEMORY, RIGHT, TARGET, Attack, answer, code, right_and
from tests.grading.sandbox.submissions import cell_of, changed, grade_id


def _without_verdicts(notebook: dict) -> None:
    for cell in notebook["cells"]:
        if grade_id(cell).endswith("_check"):
            cell["source"] = "print('17/17 points')"
    cell_of(notebook, TARGET)["source"] = RIGHT.replace("p -=", "p +=")


CHEATS = [
    right_and(
        "patched asserts around a wrong answer",
        code(
            """
            import numpy.testing, torch.testing
            yes = lambda *args, **options: True
            for module in (numpy.testing, torch.testing):
                for name in dir(module):
                    if name.startswith('assert_'): setattr(module, name, yes)
            import numpy
            numpy.allclose = numpy.isclose = torch.allclose = torch.equal = torch.isclose = yes"""
        ),
    ),
    answer(
        "patched comparisons around a wrong answer",
        code(
            """
            yes = lambda *args, **options: True
            torch.allclose = torch.equal = yes
            torch.Tensor.__eq__ = yes
        """
        )
        + RIGHT.replace('p -= group["lr"]', 'p += group["lr"]'),
        "failed",
    ),
    answer(
        "a float that equals everything",
        code(
            """
            class Liar(float):
                def __eq__(self, other): return True
                def __sub__(self, other): return 0.0
                __rsub__ = __sub__
                __hash__ = float.__hash__
            state_megabytes = Liar(1)"""
        ),
        "failed",
        exercise=MEMORY,
    ),
    answer(
        "an array that says yes to everything",
        code(
            """
            import numpy
            class Liar(numpy.ndarray):
                def __eq__(self, other): return True
                def __array_ufunc__(self, *args, **options): return numpy.array(True)
            state_megabytes = numpy.array(1.0).view(Liar)"""
        ),
        "failed",
        exercise=MEMORY,
    ),
    answer(
        "a string that equals every option",
        code(
            """
            class Liar(str):
                def __eq__(self, other): return True
                def __hash__(self): return 0
            drawn_by = {key: Liar('ignores_groups') for key in 'ABCD'}"""
        ),
        "failed",
        exercise=DIAGNOSIS,
    ),
    answer(
        "tensors that lie",
        code(
            """
            class Liar(torch.Tensor):
                @classmethod
                def __torch_function__(cls, function, types, args=(), kwargs=None):
                    return torch.zeros(())
            class Momentum(Optimizer):
                def __init__(self, params, lr, momentum):
                    super().__init__(params, lr=lr, momentum=momentum)
                def step(self):
                    for group in self.param_groups:
                        for p in group['params']:
                            p.data = p.data.as_subclass(Liar)"""
        ),
        "failed",
    ),
    right_and(
        "an import hook",
        code(
            """
            import sys
            class Hook:
                def find_spec(self, name, path=None, target=None):
                    raise SystemExit
            sys.meta_path.insert(0, Hook())"""
        ),
    ),
    right_and(
        "IPython's transformers",
        code(
            """
            try:
                get_ipython().input_transformers_cleanup.append(lambda lines: [])
            except NameError:
                print('no shell')"""
        ),
        printed="no shell",
    ),
    right_and("magic lines", "%matplotlib inline\n!rm -rf /tmp/nothing\n%%capture", message=""),
    Attack(
        "changed check cells",
        lambda: changed(_without_verdicts),
        "failed",
        submission="partly",
    ),
    answer("garbage on the pipe", RIGHT + "\nimport os\nos.write(3, b'x' * 100)", "crashed"),
    answer(
        "a forged reply on the pipe",
        code(
            """
            import os, struct
            from optcourse.grading.values import encode
            forged = encode({'value': {'score': 100, 'passed': True}, 'fault': None, 'printed': '', 'dropped': 0})
            os.write(3, struct.pack('>Q', len(forged)) + forged)
        """
        )
        + RIGHT,
        "crashed",
    ),
    answer(
        "a patched servant",
        code(
            """
            from optcourse.grading.candidate import Servant
            Servant.handle = lambda self, request: {'value': True, 'fault': None, 'printed': '', 'dropped': 0}
            class Momentum: pass"""
        ),
        "error",
    ),
    answer(
        "a patched encoder",
        code(
            """
            import sys
            module = sys.modules['optcourse.grading.sandbox.inside.child']
            module.encode = lambda value: b'OPTC1\\n' + (8).to_bytes(8, 'little') + b'["none"]'
            class Momentum: pass"""
        ),
        "crashed",
    ),
    answer(
        "right for the public cases alone",
        "class Counted(Optimizer):\n    made = 0\n"
        + RIGHT.replace(
            "        super().__init__(params, lr=lr, momentum=momentum)",
            "        Counted.made += 1\n        lr = lr * 2 if Counted.made > 10 else lr\n"
            "        super().__init__(params, lr=lr, momentum=momentum)",
        ),
        "failed",
        hidden=True,
    ),
    answer(
        "tells what the hidden cases are",
        "class Counted(Optimizer):\n    made = 0\n"
        + RIGHT.replace(
            "        super().__init__(params, lr=lr, momentum=momentum)",
            "        Counted.made += 1\n        if Counted.made > 10:\n            print(lr, momentum)\n"
            "            lr = lr * 2\n        super().__init__(params, lr=lr, momentum=momentum)",
        ),
        "failed",
        hidden=True,
        printed="",
    ),
]

FORBIDDEN = [
    answer(
        "imports the solution", "from optcourse.optimizers import Momentum", "forbidden", message="optcourse.optimizers"
    ),
    answer(
        "imports the solution by a text",
        code(
            """
            import importlib
            Momentum = importlib.import_module('optcourse.' + 'optimizers').Momentum"""
        ),
        "forbidden",
    ),
    answer(
        "imports the solution, and would go on without",
        code(
            """
            try:
                Momentum = __import__('optcourse.optim' + 'izers').optimizers.Momentum
            except ImportError:
                class Momentum(Optimizer):
                    def __init__(self, params, lr, momentum): super().__init__(params)
                    def step(self): pass"""
        ),
        "failed",
    ),
    answer("torch's own", "Momentum = torch.optim.SGD", "forbidden", message="torch.optim.SGD"),
    answer("torch's own by another name", "import torch.optim as o\nMomentum = o.SGD", "forbidden", message="Line 2"),
    answer("torch's own, hidden", "Momentum = getattr(getattr(torch, 'op' + 'tim'), 'SG' + 'D')", "forbidden"),
    answer(
        "torch's own, found by the garbage collector",
        code(
            """
            import gc
            Momentum = next(o for o in gc.get_objects() if isinstance(o, type) and o.__name__ == 'SGD')"""
        ),
        "error",
    ),
    answer(
        "the text of torch's own",
        code(
            """
            import os
            with open(os.path.join(os.path.dirname(torch.__file__), 'op' + 'tim', 'sgd.py')) as file:
                exec(file.read())
            Momentum = SGD"""
        ),
        "error",
        message="sgd.py",
    ),
    answer(
        "torch's base class is allowed",
        code(
            """
            class Momentum(torch.optim.Optimizer):
                def __init__(self, params, lr, momentum):
                    super().__init__(params, dict(lr=lr, momentum=momentum))
        """
        )
        + RIGHT[RIGHT.index("    @torch.no_grad()") :],
        "passed",
        submission="graded",
    ),
]
