# `make help` lists what there is.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUN_DIR ?= .run
# Most tests wait for processes of their own; each worker has backends of its own.
WORKERS ?= 2
# The slowest files come first, so that no worker is left with one of them at the end.
TIERS := faults system browser contract integration architecture unit

# make demo takes these: ONCE=1 ORDERS=60 SCENARIO=<folder> SPEED=60 SEED=1
ORDERS ?= 60
SEED ?= 1
# make faults takes these: SEED=1 EVENTS=2000 KILLS=6
EVENTS ?= 2000
# make backlog takes this: MESSAGES=100000
MESSAGES ?= 10000

.PHONY: backlog bench-backbone bench-dispatch bench-eta bench-orders bench-positions bench-replanning bench-scale conformance help setup demo down up faults test test-unit check docs release-catalogue lock needs \
    check-format check-lint check-types check-imports check-documents

help: ## says what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

setup: $(STAMP) ## a virtual environment from requirements.lock

$(STAMP): requirements.lock pyproject.toml deploy/local/setup.sh
	@deploy/local/setup.sh $(VENV) $(PYTHON)
	@touch $@

demo: $(STAMP) ## a whole city on this machine; ONCE=1 ORDERS=60 for a bounded run, SCENARIO=<folder> for a public instance
	@$(BIN)/python -m deploy.cli demo --run-dir $(RUN_DIR) --orders $(ORDERS) --seed $(SEED) \
	    $(if $(filter-out 0,$(ONCE)),--once) $(if $(SCENARIO),--scenario "$(SCENARIO)") $(if $(SPEED),--speed $(SPEED))

up: $(STAMP) ## the platform without a city, until Ctrl-C
	@$(BIN)/python -m deploy.cli up --run-dir $(RUN_DIR) $(if $(SPEED),--speed $(SPEED))

down: $(STAMP) ## stops exactly what demo or up started, also after a crash
	@$(BIN)/python -m deploy.cli down --run-dir $(RUN_DIR)

faults: $(STAMP) ## kills, freezes and cuts under load, then a checked history; SEED=1 EVENTS=100000 for the long run
	@$(BIN)/python -m deploy.faults.run --seed $(SEED) --events $(EVENTS) $(if $(KILLS),--kills $(KILLS))

backlog: $(STAMP) ## a backlog before the relay, then before the consumers: rates and peaks of memory; MESSAGES=100000 for the long run
	@$(BIN)/python -m deploy.faults.backlog --messages $(MESSAGES)

# make conformance takes these: MINUTES=10 SEED=1 SERVICES=order,dispatch
conformance: $(STAMP) needs ## generated calls to every gateway, held against its OpenAPI document; MINUTES=10
	@$(BIN)/python -m tests.conformance --seed $(SEED) $(if $(MINUTES),--minutes $(MINUTES)) \
	    $(if $(SERVICES),--services $(SERVICES))

test: $(STAMP) needs ## every tier of tests, on real PostgreSQL, RabbitMQ and Chromium
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(TIERS:%=tests/%)

test-unit: $(STAMP) ## pure code, in seconds, without services
	@$(BIN)/python -m pytest -q tests/unit

needs: $(STAMP)
	@$(BIN)/python -m deploy.local.packages backends browser

check: check-format check-lint check-types check-imports check-documents ## format, lint, types, import rules, generated documents

check-format: $(STAMP)
	$(BIN)/ruff format --check .

check-lint: $(STAMP)
	$(BIN)/ruff check .

check-types: $(STAMP)
	$(BIN)/mypy

check-imports: $(STAMP)
	$(BIN)/lint-imports

check-documents: $(STAMP)
	$(BIN)/python -m shared.contracts.docs --check
	$(BIN)/python -m services.order.lifecycle_page --check
	$(BIN)/python -m shared.contracts.compatibility

docs: $(STAMP) ## writes the generated documents
	@$(BIN)/python -m shared.contracts.docs
	@$(BIN)/python -m services.order.lifecycle_page

release-catalogue: $(STAMP) ## records the messages as those of a release: VERSION=0.2.0
	@$(BIN)/python -m shared.contracts.compatibility --release $(VERSION)

# make bench-backbone takes these: FULL=1 ROUNDS=3 SIZE=1000000 ONLY=append,publish
bench-backbone: $(STAMP) ## the event store and messaging measured beside their peers; FULL=1 for longer rounds
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@$(BIN)/python -m tests.bench $(if $(FULL),--full) $(if $(ROUNDS),--rounds $(ROUNDS)) \
	    $(if $(SIZE),--events $(SIZE)) $(if $(ONLY),--only $(ONLY))

# make bench-orders takes these: ROUNDS=3 SECONDS=20 PEOPLE=48 ONLY=lives,placing,evenly
bench-orders: $(STAMP) ## lives of orders through the gateway, measured beside a stock nameko service with SQLAlchemy
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@$(BIN)/python -W ignore -m tests.bench.orders $(if $(ROUNDS),--rounds $(ROUNDS)) \
	    $(if $(SECONDS),--seconds $(SECONDS)) $(if $(PEOPLE),--people $(PEOPLE)) $(if $(ONLY),--only $(ONLY))

# make bench-scale takes these: COUNT=1000000 READS=300
bench-scale: $(STAMP) ## a store full of past orders (COUNT), verified, and how quickly the gateway still reads from it
	@$(BIN)/python -W ignore -m tests.bench.scale $(if $(COUNT),--count $(COUNT)) $(if $(READS),--reads $(READS))

# make bench-replanning takes these: SEEDS=5 CHART=<file.svg>
bench-replanning: $(STAMP) ## days of breakdowns, jams and late merchants with re-planning and without; SEEDS=5, CHART=
	@$(BIN)/python -m tests.bench.dispatch.replanning $(if $(SEEDS),--seeds $(SEEDS)) $(if $(CHART),--chart "$(CHART)")

# make bench-positions takes these: RIDERS=2000 EVERY=5 SECONDS=60 BATCH=1 CARRYING=500 ROUNDS=1 ONLY=http,socket
bench-positions: $(STAMP) ## riders' devices that say where they are, by HTTP and WebSocket, beside the whole platform
	@$(BIN)/python -W ignore -m tests.bench.positions $(if $(RIDERS),--riders $(RIDERS)) $(if $(EVERY),--every $(EVERY)) \
	    $(if $(SECONDS),--seconds $(SECONDS)) $(if $(BATCH),--batch $(BATCH)) $(if $(CARRYING),--carrying $(CARRYING)) \
	    $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ONLY),--only $(ONLY))

# make bench-dispatch takes these: MDRP=<folder of instances> PLAN_OUT=<folder> NOISE=8.2 LARGE=1
bench-dispatch: $(STAMP) ## days of the Meal Delivery Routing Problem beside published results; MDRP=, PLAN_OUT=, NOISE=8.2, LARGE=1
	@$(BIN)/python -m tests.bench.dispatch $(if $(MDRP),--mdrp "$(MDRP)") \
	    $(if $(PLAN_OUT),--plan-out "$(PLAN_OUT)") $(if $(NOISE),--noise $(NOISE)) $(if $(LARGE),--large --workers 1)

# make bench-eta takes these: SEEDS=5 DAYS=5
bench-eta: $(STAMP) ## expected times held against what came, in a simulated town; SEEDS=5 DAYS=5
	@$(BIN)/python -m tests.bench.eta $(if $(SEEDS),--seeds $(SEEDS)) $(if $(DAYS),--days $(DAYS))

bench-dispatch-scale: $(STAMP) ## pictures of 1,000 orders x 3,000 riders and more, growth to 100,000 riders, cells against the whole
	@$(BIN)/python -m tests.bench.dispatch.scale

lock: ## pins the newest versions that pyproject.toml allows
	@rm -rf build/lock && $(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@{ echo "# Everything the project and its tests need, pinned; made by \`make lock\`."; \
	   build/lock/bin/python -m pip list --format=freeze --exclude-editable --exclude pip; } > requirements.lock
	@rm -rf build/lock
