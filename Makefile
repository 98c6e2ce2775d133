# Autosalon: `make up` runs the whole dealership, `make test` proves it. Needs Python 3.11+, make and git.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
BIN := .venv/bin
RUN := $(BIN)/python
DEBUG_ON := AUTOSALON_DEBUG=on
# Processes that share the tests; one loads everything sooner when only some are wanted.
WORKERS ?= $(if $(ARGS),0,auto)

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

up: .env .venv/demo ## Start everything on http://127.0.0.1:8000 (AUTOSALON_PORT chooses another port)
	@exec $(RUN) manage.py up $(ARGS)

test: .env .venv/dev ## Run all tests but the long ones, on every core (ARGS="orders -k refuses" chooses some, in one process)
	@$(RUN) -m pytest -n $(WORKERS) --maxprocesses 4 -m "not proof" $(ARGS)

proof: .env .venv/dev ## Run the long tests: fleets of processes under faults, two releases, split layouts, browsers, generated clients
	@$(RUN) -m pytest -n $(WORKERS) --maxprocesses 4 -m proof $(ARGS)

lint: .env .venv/dev ## Check style, types, import borders, migrations, templates and production settings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(DEBUG_ON) $(BIN)/mypy .
	$(BIN)/lint-imports --no-logo
	$(DEBUG_ON) $(RUN) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(DEBUG_ON) $(RUN) -W ignore::RuntimeWarning manage.py lint_migrations
	$(BIN)/djlint templates --lint --quiet
	.ci/check-deploy $(RUN)

check: lint test proof ## Lint, then run every test

fix: .venv/dev ## Let ruff repair what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .env .venv/dev ## Measure the hot paths, the event path and the live feed against limits measured in the same run
	@missed=; for each in "run.py $(ARGS)" events.py feed.py financing.py gateway.py payments.py timeline.py \
		"purchase.py $(filter --write,$(ARGS))" "rest.py $(filter --write,$(ARGS))"; do \
	$(RUN) benchmarks/$$each || missed="$$missed $${each%% *}"; done; \
	test -z "$$missed" || { echo "limits missed, or not measured:$$missed" >&2; exit 1; }

chaos: .env .venv/dev ## Kill processes in the middle of purchases and look for lost or doubled effects
	@$(RUN) -m pytest tests/chaos $(ARGS)

upgrade-test: .env .venv/dev ## Let this code and the last release sell 50 cars in each mixture of their processes
	@AUTOSALON_UPGRADE_ORDERS=50 $(RUN) -m pytest -s tests/test_upgrade.py $(ARGS)

layout: .env .venv/dev ## Sell for ten minutes in production's topology, while every part of it restarts and its door is attacked
	@AUTOSALON_LAYOUT_SECONDS=600 $(RUN) -m pytest -s tests/test_production.py $(ARGS)

bare: .env .venv/dev ## Follow docs/operations.md word for word on a bare Debian in a folder, and buy a car there (root, debootstrap)
	@$(RUN) devtools/bare.py $(ARGS)

deals: .env .venv/dev ## Do 2,000 deals in any order people may think of, and hold the books against each other after every step
	@AUTOSALON_DEAL_RUNS=2000 $(RUN) -m pytest -s tests/test_deals.py $(ARGS)

faults: .env .venv/dev ## Take 2,000 payments from a bank in a storm, and compare its book with ours
	@AUTOSALON_FAULT_PAYMENTS=2000 $(RUN) -m pytest -s payments/tests/test_fault_script.py $(ARGS)

properties: .env .venv/dev ## Try 10,000 random deals, loans and sets of receipts each against arithmetic of their own (ARGS="--runs 500 --from 1")
	@$(DEBUG_ON) $(RUN) -W ignore::RuntimeWarning -m tests.properties $(ARGS)

shape: .env .venv/dev ## Print how the code is built: cycles, borders, rooms, lengths (ARGS="--list 20" names the places)
	@$(RUN) -m tests.shape $(ARGS)
	@$(RUN) -m pytest -q -n 0 -s tests/shape/test_purchase_walk.py

sbom: .venv/dev ## Write sbom.json: what the image is made of, as CycloneDX reads it
	@$(RUN) -m devtools.sbom "$$($(RUN) -c 'import config; print(config.__version__)')" > sbom.json || { rm -f sbom.json; exit 1; }; echo "wrote sbom.json"

audit: sbom ## Ask pip-audit, where it is installed, which known holes the pinned packages have
	@command -v pip-audit >/dev/null || { echo "not audited: pip-audit is not installed (pipx install pip-audit)"; exit 0; }; \
	pip-audit --no-deps --disable-pip -r requirements.txt -r requirements-kafka.txt -r requirements-s3.txt -r requirements-watch.txt || \
	{ code=$$?; echo "pip-audit found holes, or its service cannot be reached: see above" >&2; exit $$code; }

# What development wants holds all the others, which begin with what it chose: no two files differ on a version.
LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-strip-extras --no-emit-index-url --no-emit-find-links --annotation-style line

lock: .venv/lock ## Pin what requirements*.in want and all under it, with hashes (ARGS="--upgrade-package django" takes a newer one)
	@$(LOCK) $(ARGS) requirements-dev.in -o requirements-dev.txt
	@for each in requirements requirements-demo requirements-kafka requirements-s3 requirements-watch; do \
	cp requirements-dev.txt $$each.txt && $(LOCK) $$each.in -o $$each.txt || exit 1; done
	@$(LOCK) $(ARGS) requirements-lock.in -o requirements-lock.txt

settings: .venv/dev ## Write what is declared once into .env.example, docs/settings.md, docker-compose.yml, .importlinter and deploy/
	@$(RUN) -m config.declared

schema: .env .venv/dev ## Build the OpenAPI and AsyncAPI documents in docs/, which are served as they stand there
	@$(DEBUG_ON) $(RUN) -W ignore::RuntimeWarning manage.py openapi
	@$(DEBUG_ON) $(RUN) -W ignore::RuntimeWarning manage.py asyncapi

examples: .env .venv/dev ## Record the API document's examples anew from the tests that they are from (ARGS="orders/tests" offers more)
	@$(DEBUG_ON) $(RUN) -W ignore::RuntimeWarning -m tests.examples $(ARGS)
	@$(MAKE) schema

pictures: .env .venv/dev ## Take the pictures of docs/img that are missing, in a browser, from a fleet of their own (ARGS="--only home board")
	@$(RUN) -W ignore::RuntimeWarning -m tests.pictures $(ARGS)

watch-pictures: .env .venv/dev ## Draw a purchase's trace and the dashboards from a shop that sells for three minutes under a Prometheus
	@$(RUN) docs/watching.py $(ARGS)

reset: .env .venv/demo ## Stop the embedded servers and delete all data of this checkout
	@$(RUN) manage.py services reset --yes

.env:
	@(umask 077 && cp .env.example .env)
	@echo "made .env from .env.example"

# One stamp per requirements file; a newer file installs again.
.venv/demo: requirements.txt requirements-demo.txt
.venv/dev: requirements.txt requirements-demo.txt requirements-kafka.txt requirements-s3.txt requirements-watch.txt requirements-dev.txt
.venv/lock: requirements-lock.txt
.venv/demo .venv/dev .venv/lock: | .venv/bin/python
	@echo "installing requirements-$(@F).txt …"
	@if uv --version >/dev/null 2>&1; then uv pip install -q --python $(RUN) --require-hashes -r requirements-$(@F).txt; \
	else $(RUN) -m pip install -q --disable-pip-version-check --require-hashes -r requirements-$(@F).txt; fi
	@touch $@

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or say where: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "cannot make .venv: install Python's venv module (Debian: python3-venv)" >&2; exit 1; }

.PHONY: help up test proof lint check fix bench chaos upgrade-test layout bare deals faults properties shape sbom audit lock settings schema examples pictures watch-pictures reset
