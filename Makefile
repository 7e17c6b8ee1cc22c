# Every command that a developer or CI needs. Python 3.11 or later, pip, make, git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: setup demo test test-slow test-browser check lint types imports docs constraints clean

setup: $(VENV)/.base          ## the base install, as a user gets it
$(VENV)/.base: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt -e .
	touch $@

$(VENV)/.demo: $(VENV)/.base
	$(PIP) install -c constraints.txt -e '.[demo]'
	touch $@

$(VENV)/.dev: $(VENV)/.base
	$(PIP) install -c constraints.txt -e '.[all,noncommercial,dev]'
	touch $@

demo: $(VENV)/.demo           ## set up, and restore a real picture
	$(BIN)/unfade demo --output unfade-demo

test: $(VENV)/.dev            ## set up, and pass the tests
	$(BIN)/python -m pytest -n 2 -m "not slow and not browser"

test-slow: $(VENV)/.dev       ## the tests that need longer
	$(BIN)/python -m pytest -n 2 -m slow

test-browser: $(VENV)/.dev    ## the page in Chromium (Debian: apt install chromium)
	$(BIN)/python -m pytest -m browser

check: lint types imports docs ## everything but the tests
lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
types: $(VENV)/.dev
	$(BIN)/mypy
imports: $(VENV)/.dev
	$(BIN)/lint-imports --no-cache
docs: $(VENV)/.dev            ## reference pages must be as the code says
	$(BIN)/python tools/reference.py --check

constraints: $(VENV)/.dev     ## pin what is installed now
	$(BIN)/python -m pip freeze --exclude-editable --exclude unfade | sed 's/+cpu$$//' | LC_ALL=C sort -f > constraints.txt

clean:
	rm -rf $(VENV) unfade-demo build dist .mypy_cache .ruff_cache .pytest_cache
