# The two commands that matter: `make rehearse` and `make test`. `make help` lists all.
PYTHON ?= python3
VENV := .venv/bin/python
# Versions that the rehearsal's catalog offers, such as OSC=1.12 TRUSTEE=1.2; without them those of the chapter.
ifdef OSC
export COCO_REHEARSAL_OSC := $(OSC)
endif
ifdef TRUSTEE
export COCO_REHEARSAL_TRUSTEE := $(TRUSTEE)
endif

.PHONY: help setup setup-dev rehearse rehearsal-up rehearsal-down rehearsal-clean rehearsal-status test test-unit lint format
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup: ## .venv and the programs of a rehearsal, found, downloaded or built
	@$(PYTHON) -m toolchain --for rehearsal

setup-dev: ## the same with what the tests need
	@$(PYTHON) -m toolchain --for dev

rehearse: setup ## chapter 7 from nothing to an attested secret on a rehearsal cluster, and what it did; any version: make rehearse OSC=1.12 TRUSTEE=1.2
	@$(VENV) -m rehearsal run

rehearsal-up: setup ## start a rehearsal cluster and leave it running; then: . .rehearsal/env && pulumi up
	@$(VENV) -m rehearsal up

rehearsal-down: ## end exactly what rehearsal-up started; its data stay
	@$(PYTHON) -m toolchain --for rehearsal --venv-only && $(VENV) -m rehearsal down

rehearsal-clean: ## rehearsal-down, and remove its data
	@$(PYTHON) -m toolchain --for rehearsal --venv-only && $(VENV) -m rehearsal clean

rehearsal-status: ## what of a rehearsal cluster runs
	@$(PYTHON) -m toolchain --for rehearsal --venv-only && $(VENV) -m rehearsal status

test: setup-dev lint ## everything that CI runs
	@$(VENV) -m pytest

test-unit: ## the tests that need no engine; seconds
	@$(PYTHON) -m toolchain --for dev --venv-only && $(VENV) -m pytest tests/unit

lint: ## ruff and mypy --strict
	@$(PYTHON) -m toolchain --for dev --venv-only
	@$(VENV) -m ruff format --check . && $(VENV) -m ruff check . && $(VENV) -m mypy .

format: ## ruff's formatter and its safe fixes
	@$(VENV) -m ruff format . && $(VENV) -m ruff check --fix .
