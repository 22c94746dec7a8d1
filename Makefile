# On a machine with Python 3.11 to 3.14 and make: `make run`. Everything else is installed below .venv.
SHELL := /bin/sh
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help run test test-all test-production web worker scheduler migrate check format lock ops new recorder bench chaos clean
unexport PYTHONDONTWRITEBYTECODE # else each process compiles again all that it imports
PYTEST = $(BIN)/python -m pytest -n auto --dist worksteal
LOCKS := requirements.lock requirements-embedded.lock requirements-otel.lock requirements-dev.lock requirements-build.lock

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

run: .venv/installed ## start everything: embedded Redis and Postgres, API, workers, scheduler (Ctrl-C stops it)
	@exec $(BIN)/python -m devstack

test: .venv/installed ## run the test suite on embedded servers of its own (make test T="tests/web tests/mail": those)
	@$(PYTEST) $(or $(T),-m "not slow" -p no:schemathesis)

test-all: .venv/installed ## run it with what takes long: crash points, fuzzed requests, whole starts (T="-m slow": these alone)
	@$(PYTEST) $(T)

test-production: .venv/installed ## install and run it as README's production section says, restart it under load, restore a dump
	@$(BIN)/python -m pytest -m production $(or $(T),tests/production)

web: .venv/installed ## serve the API alone
	@exec $(BIN)/gunicorn --config python:web.gunicorn_conf 'web:create_app()'

worker: .venv/installed ## work on queues alone (make worker QUEUES="email billing")
	@exec $(BIN)/python worker.py $(QUEUES)

scheduler: .venv/installed ## run the scheduler alone
	@exec $(BIN)/python scheduler.py

migrate: .venv/installed ## bring the database's schema up to date
	@$(BIN)/python -m nightshift.db.migrate

check: .venv/installed ## lint, format, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest --noconftest tests/test_rooms.py

format: .venv/installed ## put the code in its format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: .venv/installed ## resolve the locks from setup.cfg and check them for every platform (make lock CHECK=1: check alone)
	@$(BIN)/python tools/lock.py $(if $(CHECK),check)

ops: .venv/installed ## what an operator does by hand, as .venv/bin/nightshift (make ops CMD="status", CMD="retry --queue email")
	@$(BIN)/nightshift $(CMD)

new: .venv/installed ## write a new job with its migration, route and test (make new JOB=exports QUEUE=email)
	@$(BIN)/python tools/new "$(JOB)" "$(or $(QUEUE),email)"

recorder: .venv/installed ## play a vendor on this machine: print each request and accept it (RECORDER_PORT=3010)
	@exec $(BIN)/python tools/recorder "$(or $(RECORDER_PORT),3010)"

bench: .venv/installed ## measure, as ratios within one run (make bench ONLY="working accepting")
	@$(BIN)/python tools/bench/run.py $(ONLY)

chaos: .venv/installed ## a load while everything around it fails, then a count (make chaos SEED=7 SECONDS=300)
	@$(BIN)/python tools/chaos "$(SEED)" "$(SECONDS)"

clean: ## remove the environment, the data of `make run` and all caches
	@if [ -x $(BIN)/python ] && [ -d .data ]; then $(BIN)/python -m devstack clean; fi
	@rm -rf .venv .data build src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis tools/bench/peers/node_modules
	@find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/installed: $(LOCKS) setup.cfg
	@for python in $(if $(PYTHON),"$(PYTHON)",python3.14 python3.13 python3.12 python3.11 python3 python); do \
	  if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then \
	    "$$python" -c 'import ensurepip, venv' 2>/dev/null && exec "$$python" tools/build.py; \
	    echo "$$python has no venv module (Debian and Ubuntu: apt install python3-venv)" >&2; \
	  fi; \
	done; \
	echo "Nightshift needs Python 3.11 to 3.14 (found: $$(python3 --version 2>&1)). Name one: make run PYTHON=/path/to/python3.14" >&2; exit 1
