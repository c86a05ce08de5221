# Each target is enough on a fresh machine that has Python >= 3.11 and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# A broker is looked for in four ways; the last, the package manager, only when this says yes.
export LIENTHONG_MAY_INSTALL ?= yes
DURATION ?= 60

.PHONY: help install demo check test rest test-cluster chaos fuzz look alarms format lint types contracts unit bench lock clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(STAMP) ## Install the project and its tools into .venv, as locked

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: install ## Run the main job: 95 bodies exchange documents on a broker of our own
	$(BIN)/lienthong demo

check: install format lint types contracts unit ## Run what every commit must pass: all checks, unit and property tests

test: check rest ## Run every check and every test

format: install
	$(BIN)/ruff format --check .

lint: install
	$(BIN)/ruff check .

types: install
	$(BIN)/mypy

contracts: install
	$(BIN)/lint-imports

# These tests start no broker and share nothing: as many at once as there are cores.
ALONE := tests/unit tests/property

unit: install
	$(BIN)/pytest --numprocesses=auto --dist=worksteal $(ALONE)

# These start brokers and axes, and mostly wait: two files at a time, each with brokers of its own.
# They start hundreds of processes, which need not compile the modules each.
rest: install
	$(BIN)/python -m tests.support.packages
	$(BIN)/python -m compileall -q adapters bus schemas
	$(BIN)/pytest --numprocesses=2 --dist=loadfile $(addprefix --ignore=,$(ALONE))

test-cluster: install ## Run the bad days of a cluster: three nodes of our own, about 4 minutes
	$(BIN)/pytest tests/cluster

chaos: install ## Kill, freeze, lock and take away at random under load, for DURATION seconds; SEED=n repeats; HOSTILE=yes with a thief
	$(BIN)/python -m tests.chaos --duration $(DURATION) $(if $(SEED),--seed $(SEED)) $(if $(HOSTILE),--hostile)

fuzz: install ## Hostile bytes at everything that reads them, DURATION seconds a target; SEED=n repeats
	$(BIN)/python -m tests.fuzz --duration $(DURATION) $(if $(SEED),--seed $(SEED)) $(if $(TARGET),--target $(TARGET))

bench: install ## Measure hops, the first month, dead letters, an idle axis, commands, start and stop, in one run
	$(BIN)/python -m tests.benchmarks

alarms: install ## Cause five troubles beside a real Prometheus, and see their alarms begin and end
	$(BIN)/python -m tests.observability.troubles_live

look: install ## Ask every panel and alarm of a real Prometheus beside a running axis, about 1 minute
	$(BIN)/python -m tests.observability.look

lock: ## Renew constraints.txt (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-emit-index-url \
		--no-header --python-version 3.11 --quiet -o constraints.txt

clean: ## Remove the virtual environment and everything made by the tools
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .fuzz dist
