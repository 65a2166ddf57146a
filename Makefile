# One word a job. `make demo` on a bare machine makes the environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Test processes; each takes a GB of memory and its own core.
WORKERS ?= 2
READY := $(VENV)/.ready
STRIP := $(BIN)/nbstripout --keep-id --extra-keys "metadata.papermill cell.metadata.papermill cell.metadata.execution"

.PHONY: setup demo lab test test-slow check format bench gallery clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 12) else "Python 3.11 or 3.12 is wanted, this is " + sys.version.split()[0] + "; name another by make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -e '.[all]' -c constraints.txt
	touch $@

demo: setup
	$(BIN)/workbench demo

lab: setup
	$(BIN)/workbench lab

test: setup
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile
	$(BIN)/pytest -m browser

test-slow: setup
	OMP_NUM_THREADS=1 $(BIN)/pytest -m 'slow or gpu' -n $(WORKERS) --dist worksteal

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pydoclint --quiet workbench
	$(STRIP) --verify notebooks/*.ipynb

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(STRIP) notebooks/*.ipynb

bench: setup
	$(BIN)/python benchmarks/attribution_cost.py
	$(BIN)/python benchmarks/imports.py

gallery: setup
	$(BIN)/python docs/gallery.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
