# Thin: every command is `python tools/tasks.py TASK`, which runs without make as well. `make help` lists them.
#   PYTHON  the Python to make the environment with        VENV  the environment, made where there is none
#   LAB_ARGS, TEST_ARGS, COLAB_ARGS, TWICE_ARGS            arguments passed on
#   NB      notebook files for edit-text and update-text   LESSONS, BENCHMARKS, CLAIMS   names; all when empty
PYTHON ?= python3
VENV ?= .venv
TASK = $(PYTHON) tools/tasks.py --venv "$(VENV)"

.PHONY: help lab test test-twice test-colab notebooks edit-text update-text claims benchmarks lock clean

help:
	@$(TASK) --help
lab:
	@$(TASK) lab $(LAB_ARGS)
test:
	@$(TASK) test $(TEST_ARGS)
test-twice:
	@$(TASK) test-twice $(TWICE_ARGS)
test-colab:
	@$(TASK) test-colab $(COLAB_ARGS)
notebooks:
	@$(TASK) notebooks $(LESSONS)
edit-text:
	@$(TASK) edit-text $(NB)
update-text:
	@$(TASK) update-text $(NB)
claims:
	@$(TASK) claims $(CLAIMS)
benchmarks:
	@$(TASK) benchmarks $(BENCHMARKS)
lock:
	@$(TASK) lock
clean:
	@$(TASK) clean
