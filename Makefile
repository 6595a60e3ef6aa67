# The front door. `make` lists what there is. Settings: .env.example explains each one.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
# Packages come as source. Where Python may not keep what it compiles of them, as many images and services set it,
# each process compiles dbt, Great Expectations and Airflow anew: two to five seconds of processor time.
unexport PYTHONDONTWRITEBYTECODE

PIPELINE ?= customer_events
STREAM ?= customer_events

PENSTOCK := .venv/bin/python -m penstock
INSTALLED := .venv/.installed
BENCH_INSTALLED := .venv-bench/.installed

# Settings of .env; what stands in the environment or on make's command line goes before.
define WITH_ENV
if [[ -f .env ]]; then given="$$(export -p)"; set -a; source ./.env; set +a; eval "$$given"; fi
endef
# For the daily verbs: the broker that `make run-local` started, where no other is named.
define WITH_BROKER
$(WITH_ENV); export KAFKA_BOOTSTRAP_SERVERS="$${KAFKA_BOOTSTRAP_SERVERS:-127.0.0.1:$${KAFKA_PORT:-9092}}"
endef

##@ Start here

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@printf '\nSettings on the command line: make run-local N=5000, KAFKA_PORT=19092, AIRFLOW_PORT=18080; more in .env.example\n'

.PHONY: run-local
run-local: venv ## Everything on this machine: broker, events, Airflow, a run, a summary (N=, SEED=, EVENTS=file)
	@$(WITH_ENV); exec $(PENSTOCK) local run $${N:+--count "$$N"} $${SEED:+--seed "$$SEED"} $${EVENTS:+--events "$$EVENTS"}

.PHONY: status
status: venv ## What run-local has running
	@$(WITH_ENV); exec $(PENSTOCK) local status

.PHONY: stop
stop: venv ## End all that run-local started
	@$(WITH_ENV); exec $(PENSTOCK) local stop

.PHONY: clean
clean: venv ## Stop, then remove all data (landing, marts, broker, Airflow)
	@$(WITH_ENV); exec $(PENSTOCK) local clean

##@ One stage at a time (PIPELINE=, STREAM=)

.PHONY: drain
drain: venv ## Kafka → landing, up to now
	@$(WITH_BROKER); exec $(PENSTOCK) ingest drain "$(STREAM)"

.PHONY: transform
transform: venv ## Landing → warehouse: build the candidate marts
	@$(WITH_ENV); exec $(PENSTOCK) transform "$(PIPELINE)"

.PHONY: validate
validate: venv ## The gate: judge the candidates
	@$(WITH_ENV); exec $(PENSTOCK) validate "$(PIPELINE)"

.PHONY: publish
publish: venv ## Warehouse → marts: publish what the gate passed
	@$(WITH_ENV); exec $(PENSTOCK) publish "$(PIPELINE)"

##@ For those who change Penstock

.PHONY: test
test: venv ## All tests: unit, functional, real broker, real Airflow and browser
	@.venv/bin/python -m pytest tests/unit tests/functional --numprocesses 2 --dist loadfile --no-loadscope-reorder
	@$(MAKE) --jobs 2 test-integration test-e2e
	@KILLS=10 .venv/bin/python -m pytest tests/faults -m "not slow" --numprocesses 2 --dist loadfile --no-loadscope-reorder

# Two runs at once: each has a broker of its own, and waits for it, or for Airflow, most of the time.
.PHONY: test-integration test-e2e
test-integration test-e2e: test-%: venv
	@.venv/bin/python -m pytest tests/$*

.PHONY: check-fast
check-fast: lint ## Within a minute, for the inner loop: lint, unit tests, the quick functional ones
	@.venv/bin/python -m pytest tests/unit tests/functional/local tests/functional/monitor --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: faults
faults: venv ## Break each part on purpose, then count every event (KILLS=100, SEED=)
	@KILLS="$${KILLS:-100}" SEED="$${SEED:-}" .venv/bin/python -m pytest tests/faults --timeout 3600 --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: trust
trust: venv ## Spoil days on purpose, and run clean ones: what does the gate stop? (TRUST_PAGE=docs/trust.md)
	@TRUST_PAGE="$${TRUST_PAGE:-}" .venv/bin/python -m pytest tests/trust --timeout 7200 --numprocesses 2 --dist worksteal

.PHONY: bench
bench: venv $(BENCH_INSTALLED) ## How fast is landing, against whom? Into docs/; a quick look: N=100000 PAIRS=1 (OUTPUT=json)
	@exec .venv/bin/python -m bench $${N:+--events "$$N"} $${PAIRS:+--pairs "$$PAIRS"} \
	  $${OUTPUT:+--output "$$OUTPUT"} $(if $(N),,--page docs/benchmarks.md)

# Packages that only contenders need lie beside .venv, so that nobody else installs them.
$(BENCH_INSTALLED): bench/requirements.lock
	@echo "Installing what the contenders need …"; \
	rm -rf .venv-bench; \
	.venv/bin/uv pip install --quiet --python .venv/bin/python --target .venv-bench --no-deps --require-hashes \
	  --requirement bench/requirements.lock; \
	touch $(BENCH_INSTALLED)

.PHONY: docs
docs: venv ## Write docs/cli.md anew: what --help says of each command
	@.venv/bin/python docs/make_cli.py > docs/cli.md

.PHONY: lint
lint: venv ## ruff, mypy strict, sqlfluff
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/sqlfluff lint dbt_project

.PHONY: venv
venv: $(INSTALLED) ## .venv as requirements.lock says; nothing to do where the lock did not change

# The stamp comes last, so that what was interrupted begins anew.
$(INSTALLED): requirements.lock pyproject.toml
	@$(FIND_PYTHON); \
	echo "Installing into .venv with $$python (a few minutes the first time) …"; \
	[[ -x .venv/bin/python ]] || "$$python" -m venv .venv; \
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
	  --requirement <(sed -n '/^uv==/,/^[^ ]/{/^uv==/p;/^ /p}' requirements.lock); \
	.venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes requirements.lock; \
	.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .; \
	touch $(INSTALLED)

# An interpreter that fits: PYTHON= where given, else the first one found.
define FIND_PYTHON
python=""; \
for candidate in $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11 .venv/bin/python); do \
  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
  then python="$$candidate"; break; fi; \
done; \
if [[ -z "$$python" ]]; then \
  echo "Error: no Python 3.11, 3.12 or 3.13 with venv $(if $(PYTHON),at PYTHON=$(PYTHON),on the PATH)" >&2; \
  echo "  Fix: install one (Debian: apt-get install python3 python3-venv), or name one: make PYTHON=/path/to/python3.12 …" >&2; \
  exit 1; \
fi
endef

.PHONY: lock
lock: venv ## Resolve the newest versions that pyproject.toml allows into requirements.lock
	@.venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	  --output-file requirements.lock pyproject.toml
	@.venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	  --constraint requirements.lock --output-file bench/requirements.lock bench/requirements.in
	@if grep -n '://' requirements.lock bench/requirements.lock; then echo "Error: a lock names addresses" >&2; exit 1; fi
