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

# Real programs in place of the simulated ones, CRDs of their bundles, and what is left out by name (docs/rehearsal.md).
ifdef OSC_OPERATOR
export COCO_REHEARSAL_OSC_OPERATOR := $(abspath $(OSC_OPERATOR))
endif
ifdef TRUSTEE_OPERATOR
export COCO_REHEARSAL_TRUSTEE_OPERATOR := $(abspath $(TRUSTEE_OPERATOR))
endif
ifdef KBS
export COCO_REHEARSAL_KBS := $(abspath $(KBS))
endif
ifdef CRDS
export COCO_REHEARSAL_CRDS := $(abspath $(CRDS))
endif
ifdef WITHOUT
export COCO_REHEARSAL_WITHOUT := $(WITHOUT)
endif

STACK_OPTION := $(if $(STACK),--stack $(STACK))
# Levels of the policy pack: policies/LEVELS.json, by default those that are named like the stack.
LEVELS ?= $(or $(STACK),prod)
LEVEL_NAMES := $(filter-out config.schema,$(patsubst policies/%.json,%,$(sort $(wildcard policies/*.json))))
# Which kill points the fault bench takes, and how many.
SEED ?= 1
POINTS ?= 126
# Tests that run at the same time; of those of the engine, files, which wait half of the time.
STREAMS ?= 2
ENGINE_STREAMS ?= 3

.PHONY: help setup setup-dev rehearse record rehearsal-up rehearsal-down rehearsal-clean rehearsal-status
.PHONY: drift proof versions policy support rollback report leftovers faults bench test test-unit lint format
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup: ## .venv and the programs of a rehearsal, found, downloaded or built
	@$(PYTHON) -m rehearsal.toolchain --for rehearsal

setup-dev: ## the same with what the tests need
	@$(PYTHON) -m rehearsal.toolchain --for dev

rehearse: setup ## chapter 7 on a rehearsal cluster; make rehearse OSC=1.13 TRUSTEE=1.2 CLUSTER=aro
	@$(VENV) -m rehearsal run

record: rehearse ## keep what a real one writes: make record TRUSTEE=1.2 TRUSTEE_OPERATOR=./manager
	@$(VENV) -m rehearsal.real.transcript

rehearsal-up: setup ## start a rehearsal cluster that stays; then: . .rehearsal/env && pulumi up
	@$(VENV) -m rehearsal up

rehearsal-down: ## end exactly what rehearsal-up started; its data stay
	@$(PYTHON) -m rehearsal.toolchain --for rehearsal --venv-only && $(VENV) -m rehearsal down

rehearsal-clean: ## rehearsal-down, and remove its data
	@$(PYTHON) -m rehearsal.toolchain --for rehearsal --venv-only && $(VENV) -m rehearsal clean

rehearsal-status: ## what of a rehearsal cluster runs
	@$(PYTHON) -m rehearsal.toolchain --for rehearsal --venv-only && $(VENV) -m rehearsal status

leftovers: ## what operators left in Azure and in the cluster; ARGS=--before-destroy
	@./coco-azure leftovers $(ARGS)

faults: setup ## kill 126 runs, repeat each, count what is lost; others: SEED=2 POINTS=12
	@$(VENV) -m rehearsal.fault_bench --seed $(SEED) --points $(POINTS)

bench: setup ## measure ratios, about an hour; ARGS=--write keeps them in docs/benchmarks.md
	@$(VENV) -m rehearsal.bench $(ARGS)

test: setup-dev lint ## everything that CI runs
	@echo "tests without an engine: about 5 minutes on two cores; each line ends with how many of them are done"
	@failed=0; \
	$(VENV) -m pytest tests/unit tests/contract -n $(STREAMS) --dist loadfile --durations 10 || \
		{ failed=$$?; test $$failed = 1 || exit $$failed; }; \
	echo "tests of the real engine: about 25 minutes on two cores"; \
	$(VENV) -m pytest tests/engine -n $(ENGINE_STREAMS) --dist loadfile --no-loadscope-reorder --durations 10 || { \
		engine=$$?; modules=$$($(VENV) -m tests.engine.failed_modules); \
		test $$engine = 1 && test -n "$$modules" && echo "once more, alone, each of these from its start: $$modules" && \
		$(VENV) -m pytest $$modules && echo "passed only when run once more, and to be mended: $$modules" || failed=$$engine; \
	}; \
	exit $$failed

test-unit: ## the tests that need no engine; about five minutes
	@$(PYTHON) -m rehearsal.toolchain --for dev --venv-only && $(VENV) -m pytest tests/unit

drift: ## where cluster or Azure differ from the stack; make drift STACK=prod
	@./coco-azure drift $(STACK_OPTION)

proof: ## what the trust chain proves, and by which run; make proof STACK=prod
	@./coco-azure proof $(STACK_OPTION)

versions: ## versions of the operators that catalogs offer and that have no profile
	@./coco-azure versions $(ARGS)

policy: ## a preview held to the policy pack; make policy STACK=eu-1 LEVELS=prod
	@test -f policies/$(LEVELS).json || { echo "there is no policies/$(LEVELS).json; make policy LEVELS=NAME with one of: $(LEVEL_NAMES)" >&2; exit 2; }
	@echo "levels of the rules: policies/$(LEVELS).json; others: make policy LEVELS=NAME, with one of: $(LEVEL_NAMES)"
	@pulumi preview $(STACK_OPTION) --policy-pack policies --policy-pack-config policies/$(LEVELS).json

support: ## one file for a maintainer, without a secret; make support STACK=prod
	@./coco-azure support $(STACK_OPTION)

rollback: ## pulumi up of the commit that attested last; it asks; make rollback STACK=prod
	@./coco-azure rollback $(STACK_OPTION)

report: ## pulumi up with an HTML report; RUN=preview, destroy; ARGS="--events FILE"
	@$(PYTHON) -m rehearsal.toolchain --for rehearsal --venv-only && GRAPHVIZ_DOT="$$($(PYTHON) -m rehearsal.toolchain --program dot)" ./coco-azure report $(STACK_OPTION) $(or $(ARGS),--run $(or $(RUN),up))

lint: ## ruff and mypy --strict
	@$(PYTHON) -m rehearsal.toolchain --for dev --venv-only
	@$(VENV) -m ruff format --check . && $(VENV) -m ruff check . && $(VENV) -m mypy .

format: ## ruff's formatter and its safe fixes
	@$(VENV) -m ruff format . && $(VENV) -m ruff check --fix .
