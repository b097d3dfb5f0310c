# The two commands that matter: `make rehearse` and `make test`. `make help` lists all.
PYTHON ?= python3
VENV := .venv/bin/python
# Versions that the rehearsal's catalog offers, such as OSC=1.13 TRUSTEE=1.2; without them those of the chapter.
ifdef OSC
export COCO_REHEARSAL_OSC := $(OSC)
endif
ifdef TRUSTEE
export COCO_REHEARSAL_TRUSTEE := $(TRUSTEE)
endif
# Which Azure the cluster lies in: ipi, aro, upi, shared-vnet, one of the broken ones, or a file (docs/rehearsal.md).
ifdef CLUSTER
export COCO_REHEARSAL_AZURE := $(CLUSTER)
endif

STACK_OPTION := $(if $(STACK),--stack $(STACK))
# Levels of the policy pack: policies/LEVELS.json, by default those that are named like the stack.
LEVELS ?= $(or $(STACK),prod)
# Which kill points the fault bench takes, and how many.
SEED ?= 1
POINTS ?= 108
# Test files that run at the same time: an engine test mostly waits.
STREAMS ?= 2

.PHONY: help setup setup-dev rehearse rehearsal-up rehearsal-down rehearsal-clean rehearsal-status
.PHONY: drift versions policy rollback report leftovers faults bench test test-unit lint format
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup: ## .venv and the programs of a rehearsal, found, downloaded or built
	@$(PYTHON) -m toolchain --for rehearsal

setup-dev: ## the same with what the tests need
	@$(PYTHON) -m toolchain --for dev

rehearse: setup ## chapter 7 from nothing to an attested secret on a rehearsal cluster, and what it did; any version: make rehearse OSC=1.13 TRUSTEE=1.2 CLUSTER=aro
	@$(VENV) -m rehearsal run

rehearsal-up: setup ## start a rehearsal cluster and leave it running; then: . .rehearsal/env && pulumi up
	@$(VENV) -m rehearsal up

rehearsal-down: ## end exactly what rehearsal-up started; its data stay
	@$(PYTHON) -m toolchain --for rehearsal --venv-only && $(VENV) -m rehearsal down

rehearsal-clean: ## rehearsal-down, and remove its data
	@$(PYTHON) -m toolchain --for rehearsal --venv-only && $(VENV) -m rehearsal clean

rehearsal-status: ## what of a rehearsal cluster runs
	@$(PYTHON) -m toolchain --for rehearsal --venv-only && $(VENV) -m rehearsal status

leftovers: ## what operators left behind in Azure and in the cluster; options: make leftovers ARGS=--before-destroy
	@$(VENV) -m leftovers $(ARGS)
faults: setup ## the fault bench: kill 108 runs at seeded moments, repeat each, count what is lost; SEED=2 POINTS=12 for others
	@$(VENV) -m rehearsal.fault_bench --seed $(SEED) --points $(POINTS)

bench: setup ## ratios measured side by side, printed, and kept in docs/benchmarks.md with ARGS=--write; about an hour
	@$(VENV) -m rehearsal.bench $(ARGS)

test: setup-dev lint ## everything that CI runs
	@$(VENV) -m pytest -n $(STREAMS) --dist loadfile --no-loadscope-reorder

test-unit: ## the tests that need no engine; seconds
	@$(PYTHON) -m toolchain --for dev --venv-only && $(VENV) -m pytest tests/unit

drift: ## where cluster or Azure differ from what the stack deployed; changes nothing: make drift STACK=prod
	@$(VENV) -m drift $(STACK_OPTION)

versions: ## versions of the operators that the cluster's catalogs offer and that have no profile; changes nothing
	@$(VENV) -m offers $(ARGS)

policy: ## a preview held to the policy pack; changes nothing: make policy STACK=prod, or STACK=eu-1 LEVELS=prod
	@pulumi preview $(STACK_OPTION) --policy-pack policies --policy-pack-config policies/$(LEVELS).json

rollback: ## pulumi up of the commit that attested last; shows a preview and asks: make rollback STACK=prod
	@$(VENV) -m rollback $(STACK_OPTION)

report: ## pulumi up that leaves an HTML report; RUN=preview or RUN=destroy, or of a run before: make report STACK=prod ARGS="--events FILE"
	@$(PYTHON) -m toolchain --for rehearsal --venv-only && $(VENV) -m report $(STACK_OPTION) $(or $(ARGS),--run $(or $(RUN),up))

lint: ## ruff and mypy --strict
	@$(PYTHON) -m toolchain --for dev --venv-only
	@$(VENV) -m ruff format --check . && $(VENV) -m ruff check . && $(VENV) -m mypy .

format: ## ruff's formatter and its safe fixes
	@$(VENV) -m ruff format . && $(VENV) -m ruff check --fix .
