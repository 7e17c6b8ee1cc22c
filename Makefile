# Every command that a developer or CI needs. Python 3.11 or later, pip, make, git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

IMAGES ?= docker                # or podman; buildah has `bud` for `build`

.PHONY: setup demo test test-slow test-browser check lint types imports docs constraints clean
.PHONY: wheel image image-cpu image-cuda image-check deploy-check

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

wheel: $(VENV)/.base          ## the package as it is published, in dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

image: image-cpu              ## the service as a container image
image-cpu:
	$(IMAGES) build --file deploy/Dockerfile --target cpu --tag unfade:cpu .
image-cuda:
	$(IMAGES) build --file deploy/Dockerfile --target cuda --tag unfade:cuda \
		--build-arg EXTRAS=web,models,onnx,heif,raw,film,s3,torch .
image-check:                  ## run it as it is meant to be run, and ask how it is
	deploy/check-image $(IMAGES) unfade:cpu

deploy-check: $(VENV)/.dev    ## Dockerfile, compose and workflows against their schemas
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml deploy/compose.cuda.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/test.yml .github/workflows/slow.yml .github/workflows/publish.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

constraints: $(VENV)/.dev     ## pin what is installed now
	$(BIN)/python -m pip freeze --exclude-editable --exclude unfade | sed 's/+cpu$$//' | LC_ALL=C sort -f > constraints.txt

clean:
	rm -rf $(VENV) unfade-demo build dist .mypy_cache .ruff_cache .pytest_cache
