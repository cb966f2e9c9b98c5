# `make forecast` and `make test` need only python3 and make.
# PYTHON chooses the interpreter (3.11 to 3.13); FROM names a folder of publishers' files to ingest.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
BENCH := .bench
WORKSPACE ?= workspace
FROM ?=
UV := VIRTUAL_ENV=$(CURDIR)/$(VENV) UV_SYSTEM_CERTS=1 $(BIN)/uv
UV_BENCH := VIRTUAL_ENV=$(CURDIR)/$(BENCH) UV_SYSTEM_CERTS=1 $(BIN)/uv

export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
# Without bytecode every command would compile two thousand modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: forecast test campaign check bench docs probe up down clean lock help
.DEFAULT_GOAL := help

help:
	@echo "make forecast   ingest, forecast, decide, report: prints the headline and the report's path"
	@echo "make test       the test suite            make check   format, lint, types, imports, SQL, docs"
	@echo "make campaign   the slow tests: twenty kills, servers as deployed; make test leaves them out"
	@echo "make bench      benchmarks                make up|down the services of docker-compose.yml"
	@echo "make probe      adds torch to .venv, which probe runs and their tests need"
	@echo "make lock       renew the hash locks      make clean   remove .venv, .bench and the workspace"

$(VENV)/.bootstrap: requirements/bootstrap.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ echo "cannot make a virtual environment: install python3-venv (Debian) or set PYTHON=" >&2; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/.runtime: $(VENV)/.bootstrap requirements/runtime.lock pyproject.toml
	@echo "installing the locked packages into $(VENV) ..."
	@$(UV) pip install -q --require-hashes -r requirements/runtime.lock
	@$(UV) pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.lock
	@$(UV) pip install -q --require-hashes -r requirements/dev.lock
	@touch $@

# The peers' packages stay out of .venv, so that no test or command can come to need them.
$(BENCH)/.installed: $(VENV)/.bootstrap requirements/bench.lock pyproject.toml
	@echo "installing the locked packages of the benchmarks into $(BENCH) ..."
	@test -x $(BENCH)/bin/python || $(BIN)/python -m venv --without-pip $(BENCH)
	@$(UV_BENCH) pip install -q --require-hashes -r requirements/bench.lock
	@$(UV_BENCH) pip install -q --no-deps --no-build-isolation -e .
	@touch $@

forecast: $(VENV)/.runtime
	@$(BIN)/datawall run weekly --workspace $(WORKSPACE) $(if $(FROM),--from $(FROM))

# tests/repository is part of `make check`. A file stays on one worker, which makes its servers and
# workspaces once; the slow files come first, so that the workers end together.
test: $(VENV)/.dev
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "not campaign" --ignore tests/repository

# CI leaves out what is marked `release`.
CAMPAIGN ?= campaign
campaign: $(VENV)/.dev
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "$(CAMPAIGN)"

check: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest -q tests/repository

docs: $(VENV)/.dev
	@$(BIN)/python -m flows.law_pages

bench: $(BENCH)/.installed
	@$(BENCH)/bin/python -m benchmarks

# torch is an optional extra, pinned by version and not by hash: docs/adr/0002-dependencies.md says why.
probe: $(VENV)/.runtime
	@$(BIN)/python -c 'import torch' 2>/dev/null || \
		$(BIN)/python -m pip install -q --disable-pip-version-check "$$($(BIN)/python -c \
		'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["probe"])')"

up:
	docker compose up --build --detach --wait

down:
	docker compose down

clean:
	rm -rf $(VENV) $(BENCH) $(WORKSPACE) dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate
lock: $(VENV)/.bootstrap
	$(LOCK) pyproject.toml requirements/build.in -o requirements/runtime.lock
	$(LOCK) pyproject.toml requirements/build.in --extra dev -c requirements/runtime.lock -o requirements/dev.lock
	$(LOCK) pyproject.toml requirements/build.in --extra bench -c requirements/runtime.lock -o requirements/bench.lock
	$(LOCK) requirements/bootstrap.in -o requirements/bootstrap.lock
