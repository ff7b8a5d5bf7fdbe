PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check

# Export a checkpoint and embed two sentences with it; CHECKPOINT=path takes your own.
demo: $(VENV)/.demo
	$(BIN)/python -m benchmarks.demo $(if $(CHECKPOINT),--checkpoint '$(CHECKPOINT)')

test: $(VENV)/.test
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# A virtual environment with the extra named by the stamp file.
$(VENV)/.%: pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$*]'
	touch $@
