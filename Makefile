# On a machine with Python 3.11 to 3.13 and make: `make run`. Everything else is installed below .venv.
SHELL := /bin/sh
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: new help run test web worker scheduler migrate check bench chaos ops clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: .venv/installed ## start everything: embedded Redis and Postgres, API, workers, scheduler (Ctrl-C stops it)
	@exec $(BIN)/python -m devstack

test: .venv/installed ## run the test suite on embedded servers of its own (make test T=tests/web)
	@$(BIN)/python -m pytest $(T)

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

ops: .venv/installed ## what an operator does by hand (make ops CMD="failed", CMD="retry <job> <row id>")
	@$(BIN)/python -m runner.ops $(CMD)

new: .venv/installed ## write a new job with its migration, route and test (make new JOB=exports QUEUE=email)
	@$(BIN)/python tools/new "$(JOB)" "$(or $(QUEUE),email)"

bench: .venv/installed ## measure, as ratios within one run
	@$(BIN)/python tests/bench/run.py

chaos: .venv/installed ## a load while everything around it fails, then a count (make chaos SEED=7 SECONDS=300)
	@$(BIN)/python tests/chaos "$(SEED)" "$(SECONDS)"

clean: ## remove the environment, the data of `make run` and all caches
	@if [ -x $(BIN)/python ] && [ -d .data ]; then $(BIN)/python -m devstack clean; fi
	@rm -rf .venv .data build src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# With the first interpreter that fits. Two makes take turns, and the second finds it built: file 9 is locked for as long
# as this shell lives. crontab (of rq-scheduler) has no wheel: it is built, by the locked build tools.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
.venv/installed: requirements.lock requirements-build.lock setup.cfg
ifndef WITH
	@exec 9>>Makefile; for p in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	  if $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then \
	    $$p -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)' && $(MAKE) -s WITH=$$p $@; exit; \
	  fi; \
	done; \
	echo "Nightshift needs Python 3.11, 3.12 or 3.13 (found: $$(python3 --version 2>&1)). Name one: make run PYTHON=/path/to/python3.13" >&2; exit 1
else
	@echo "Building the environment with $$($(WITH) --version) ..."
	@rm -rf .venv && $(WITH) -m venv .venv
	@$(INSTALL) --require-hashes -r requirements-build.lock
	@$(INSTALL) --require-hashes --no-build-isolation -r requirements.lock
	@$(INSTALL) --no-build-isolation --no-index -e .
	@touch $@
endif
