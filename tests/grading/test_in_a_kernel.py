"""Answers that would end the notebook's kernel or wait for somebody to type, in a real kernel."""

import os

import pytest

client = pytest.importorskip("jupyter_client", reason="Jupyter is not installed: extra lab")
pytestmark = pytest.mark.xdist_group("kernel")  # one for all of these
PATIENCE = 600.0  # seconds; a busy machine is not late


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs a cell, and returns its texts and the prompts that somebody was shown."""
    environment = {**os.environ, "OPTCOURSE_HOME": str(tmp_path_factory.mktemp("home"))}
    start = client.manager.start_new_kernel
    manager, kernel = start(kernel_name="python3", startup_timeout=PATIENCE, env=environment)

    def execute(source: str) -> tuple[str, list[str]]:
        texts, prompts = [], []

        def shown(message: dict) -> None:
            content = message["content"]
            if message["msg_type"] in ("stream", "execute_result", "error"):
                texts.append(content.get("text") or content.get("data", {}).get("text/plain") or str(content))

        def asked(message: dict) -> None:
            prompts.append(message["content"]["prompt"])
            kernel.input("typed")

        options = {"allow_stdin": True, "stdin_hook": asked, "output_hook": shown, "timeout": PATIENCE}
        reply = kernel.execute_interactive(source, **options)
        assert not reply["content"].get("payload"), "the kernel is not told to end"
        return " ".join(" ".join(texts).split()), prompts

    execute("from optcourse.grading import check")
    yield execute
    kernel.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("end", ["exit()", "quit()", "import sys; sys.exit(3)"])
def test_a_kernel_outlives_an_answer_that_ends_the_program(run, end):
    card, _ = run(f"def answer(*_, **__):\n    {end}\ncheck('initialization.fans', answer)")
    assert "your code tried to end the program (SystemExit). Line 2" in card
    assert "Leave a function with `return`" in card
    assert run("print(answer.__name__)") == ("answer", [])


@pytest.mark.parametrize("ask", ["input('how many? ')", "import getpass; getpass.getpass()"])
def test_nobody_is_asked(run, ask):
    card, prompts = run(f"def answer(*_, **__):\n    {ask}\ncheck('initialization.fans', answer)")
    assert "your code waits for input, and nobody is there to type. Line 2" in card
    assert "Take the value as an argument" in card
    assert prompts == []
    assert run("print(input('and here? '))") == ("typed", ["and here? "])
