# The only entry: every target installs what it needs into .venv and runs from there.
# Sizes are parameters, e.g. `make model STEPS=1000000`.

STEPS ?= 20000
OPS ?= 2000
CYCLES ?= 3
EVENTS ?= 100000
KILLS ?= 20
SLEEPS ?= 20
MINUTES ?= 10
RESTARTS ?= 3
CALLS ?= 20000
CASES ?= 2000
DEMO_SECONDS ?=
USERS ?= 50
SECONDS ?= 30
WEB_PORT ?= 8089
JOBS ?= 2
YEARS ?= 10
ZONES ?= 20
SEED ?=

PY := .venv/bin/python
RUN := .venv/.installed-run
DEV := .venv/.installed-dev
NODE := tests/node/node_modules/.installed
UV_VERSION := 0.13.9
CODE := ocs tests tools $(wildcard loadtest)

.DEFAULT_GOAL := help
.PHONY: help setup proto proto-check proto-baseline lint format test test-browser screenshots \
	model race kill archive exactness soak lost-reply rolling mutants calendars rating-model cases \
	bad-inputs fuzz load load-ui latency overload bench bench-steps bench-tariff bench-insights \
	demo docs lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ------------------------------------------------------------------------------------- install

# The stamps are written last, so an interrupted installation is taken up again.
$(RUN): requirements.lock
	@tools/venv.sh .venv requirements.lock
	@touch $@

$(DEV): requirements-dev.lock
	@tools/venv.sh .venv requirements-dev.lock
	@touch $(RUN) $@

# For the tests with a client in another language; Node and npm come with the wheels above.
$(NODE): tests/node/package-lock.json | $(DEV)
	@$(PY) -m tools.node install
	@touch $@

setup: $(DEV) $(NODE) ## the virtual environment with everything for development

lock: $(DEV) ## pin every dependency again with hashes; UPGRADE=1 moves to the newest allowed
	$(PY) -m pip install --quiet uv==$(UV_VERSION)
	$(call compile,requirements.lock,--extra build)
	$(call compile,requirements-dev.lock,--extra build --extra dev --constraint requirements.lock)
	$(PY) -m tools.node lock

compile = $(PY) -m uv pip compile pyproject.toml $(2) --quiet --output-file $(1) --universal \
	--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

clean: ## remove what a clone made for itself, the demo's data included
	rm -rf .venv .demo .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache \
		build dist tests/node/node_modules
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# ------------------------------------------------------------------------------------ contract

proto: $(DEV) ## generate ocs/v1 from protos/ocs/v1
	$(PY) -m tools.protos generate

proto-check: $(DEV) ## fail if ocs/v1 is not what protos/ generates
	$(PY) -m tools.protos check

proto-baseline: $(DEV) ## accept the present contract as what later changes must not break
	$(PY) -m tools.protos baseline

# -------------------------------------------------------------------------------------- checks

lint: $(DEV) proto-check ## ruff, mypy, import-linter, buf; nothing is changed
	$(PY) -m ruff check $(CODE)
	$(PY) -m ruff format --check --quiet $(CODE)
	$(PY) -m mypy $(CODE)
	.venv/bin/lint-imports --no-logo
	$(PY) -m tools.protos lint
	$(PY) -m tools.docs check

format: $(DEV) ## let ruff and buf rewrite what they can
	$(PY) -m ruff check --fix-only --quiet $(CODE)
	$(PY) -m ruff format --quiet $(CODE)
	.venv/bin/buf format --write protos

docs: $(DEV) ## write the tables of docs/ again from their sources
	$(PY) -m tools.docs write

# loadgroup: tests that start services of several processes run one after the other, beside the
# rest (mark xdist_group).
test: $(DEV) $(NODE) ## every test, with a small share of each campaign
	@exec $(PY) -m pytest -n $(JOBS) --dist loadgroup -q --ignore=tests/browser

test-browser: $(DEV) $(NODE) ## the dashboard in a real browser; installs Debian's chromium as root
	@tools/chromium.sh
	@exec $(PY) -m pytest -q tests/browser

screenshots: $(DEV) ## docs/images, from a demo that runs at URL
	@exec $(PY) -m tools.screenshots $(if $(URL),--url $(URL))

# ----------------------------------------------------------------------------------- campaigns

seed = $(if $(SEED),--seed $(SEED))
accounts = $(if $(ACCOUNTS),--accounts $(ACCOUNTS))

model: $(DEV) ## STEPS random commands on the Lua ledger and on the specification, compared
	@exec $(PY) -m tests.campaigns.model --steps $(STEPS) $(seed)

race: $(DEV) ## OPS concurrent calls on a few hot accounts, replayed through the specification
	@exec $(PY) -m tests.campaigns.race --ops $(OPS) $(seed)

kill: $(DEV) ## CYCLES of kill -9 on the store, the service and both, under load
	@exec $(PY) -m tests.campaigns.kill --cycles $(CYCLES) $(seed)

archive: $(DEV) ## SLEEPS of archivers until another took over, under a load of EVENTS; audit
	@exec $(PY) -m tests.campaigns.archive --events $(EVENTS) --sleeps $(SLEEPS) $(seed)

exactness: $(DEV) ## KILLS of projector and archiver under a load of EVENTS: figures and audit exact
	@exec $(PY) -m tests.campaigns.exactness --events $(EVENTS) --kills $(KILLS) $(seed)

soak: $(DEV) ## MINUTES of full load with no projector: no call refused, memory by kind; audit
	@exec $(PY) -m tests.campaigns.soak --minutes $(MINUTES) $(seed)

lost-reply: $(DEV) ## OPS calls through proxies that drop only replies
	@exec $(PY) -m tests.campaigns.lost_reply --ops $(OPS) $(seed)

rolling: $(DEV) ## RESTARTS of two processes on one port, in turn, under load: no call may fail
	@exec $(PY) -m tests.campaigns.rolling --restarts $(RESTARTS) $(seed)

mutants: $(DEV) ## mutants of the Lua that the model test has to catch
	@exec $(PY) -m tests.campaigns.mutants $(seed)

calendars: $(DEV) ## periods and calendars of ZONES zones over YEARS against the clock on the wall
	@exec $(PY) -m tests.campaigns.calendars --years $(YEARS) --zones $(ZONES)

rating-model: $(DEV) ## CASES random prices and sessions: scripts, specification, an oracle
	@exec $(PY) -m tests.campaigns.rating_model --cases $(CASES) $(seed)

cases: $(DEV) ## worked cases by id: tested, or not expressible and why
	@exec $(PY) -m tests.campaigns.cases

bad-inputs: $(DEV) ## bad inputs by number: the answers and the state that this run's tests saw
	@exec $(PY) -m tests.campaigns.bad_inputs

fuzz: $(DEV) ## CALLS of any bytes by anybody: never UNKNOWN, INTERNAL or silence; audit
	@exec $(PY) -m tests.campaigns.fuzz --calls $(CALLS) $(seed)

# OCS_ADDRESS loads a service that runs (OCS_STORE_URL or OCS_DATA_DIR names its books).
load: $(DEV) ## USERS gateways and top-up systems for SECONDS: report, plot, audit; WEB=1 as below
	@exec $(PY) -m loadtest.load --users $(USERS) --seconds $(SECONDS) $(accounts) $(seed) \
		$(if $(WEB),--web-port $(WEB_PORT))

load-ui: $(DEV) ## the same with locust's web page, until Ctrl-C
	@exec $(PY) -m loadtest.load --users $(USERS) $(accounts) $(seed) --web-port $(WEB_PORT)

latency: $(DEV) ## percentiles at RATE arrivals a second for SECONDS, by default half of the peak
	@exec $(PY) -m loadtest.open_loop --seconds $(SECONDS) $(if $(RATE),--rate $(RATE)) \
		$(accounts) $(seed)

overload: $(DEV) ## TIMES the peak: goodput, what was shed, audit; service on one core
	@exec $(PY) -m loadtest.overload $(if $(TIMES),--times $(TIMES))

bench: $(DEV) ## server CPU per call against a bare echo, Valkey CPU per charge
	@exec $(PY) -m loadtest.bench

bench-steps: $(DEV) ## the store's CPU per reserve: a price list of five steps against one
	@exec $(PY) -m loadtest.steps

bench-insights: $(DEV) ## a backlog, ten million events; MINUTES at full rate: lag, flat memory
	@$(PY) -m loadtest.insights
	@exec $(PY) -m loadtest.steady --minutes $(MINUTES)

bench-tariff: $(DEV) ## a look-up among 10,000 prefixes, 500 plans, 100 zones against 10 prefixes
	@exec $(PY) -m loadtest.lookup $(seed)

# ---------------------------------------------------------------------------------------- demo

# exec: the demo is make's own child, so a signal to the process group reaches it directly, once,
# and make waits for it.
demo: $(RUN) ## a running system with traffic and a live table; DEMO_SECONDS=15 ends by itself
	@exec $(PY) -m ocs.demo --data-dir .demo $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS))
