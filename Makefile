# VENV may be given, so that one environment serves several clones (see .ci/run)
VENV ?= .venv
PYTHON ?= $(shell command -v python3.11 || echo python3)
BIN := $(VENV)/bin
# every command below uses the environment's python and dvc, without activating it
export PATH := $(abspath $(BIN)):$(PATH)
export DVC_NO_ANALYTICS := 1

# the commands of an environment name its folder: where that was moved, they are made to name the new one
ifneq ($(shell cat $(BIN)/.place 2>/dev/null),$(abspath $(VENV)))
HERE := _moved
.PHONY: _moved
endif

.PHONY: _repository help repro update upgrade test test-fast test-changed test-full test-spark check format docs benchmarks cntk spark
.DEFAULT_GOAL := help

# tests wait for other processes a sixth of their time: one more than there are processors, at most 4
PROCESSES ?= $(shell n=$$(nproc 2> /dev/null || echo 3); test $$n -lt 3 || n=3; echo $$((n + 1)))
# tests of a file share what is dear to make: they stay in one process
PYTEST := --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder
# rooms whose laws need neither PyTorch nor a project
FAST := base project pipeline images untrusted fetching search acquisition curation classifiers evaluation review \
	experiments server browser shards docs cli

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# what was done is kept, and DVC doesn't say so
GO_ON := { status=$$?; echo "make: what was done is kept; 'make repro' goes on from there, once what is said above is mended (an interruption needs no mending)" >&2; exit $$status; }

repro: _repository $(BIN)/.requirements ## set up, then run the pipeline: only what changed is done again
	python -m swatchbook params check
	@echo dvc repro
	@dvc repro || $(GO_ON)

update: _repository $(BIN)/.requirements ## take in images added to the source since the last run, then repro
	@echo dvc repro --force --single-item acquire
	@dvc repro --force --single-item acquire || $(GO_ON)
	@echo dvc repro
	@dvc repro || $(GO_ON)

upgrade: ## merge a newer Swatchbook: make upgrade FROM=URL [BRANCH=main]
	git fetch $(FROM) $(or $(BRANCH),main)
	git show FETCH_HEAD:upgrade.sh | bash

test: $(BIN)/.requirements-dev ## set up, then run all checks and tests
	$(MAKE) check
	python -m pytest $(PYTEST) -m "not spark" --durations 30

test-fast: $(BIN)/.requirements-dev ## the laws of all rooms, without DVC, training or servers; or of one: PART=service
	python -m pytest $(PYTEST) -m "$(if $(PART),not pipeline,not pipeline and not long)" $(addprefix tests/,$(or $(PART),$(FAST)))

test-changed: $(BIN)/.requirements-dev ## tests of the rooms that a change touches, and of those that may import them
	python -m pytest $(PYTEST) $$(python -m tests.support.changed $(SINCE))

test-spark: $(BIN)/.requirements-dev $(BIN)/.requirements-spark ## Spark in local mode, over Connect, and on machines of its own that fail
	python -m pytest --numprocesses 2 --dist load -m spark --durations 10 tests/spark

test-full: $(BIN)/.requirements-dev ## all, with every architecture and parameter, and 120 faults (hours)
	SWATCHBOOK_FULL=1 SWATCHBOOK_KILLS=50 SWATCHBOOK_DISKS=20 python -m pytest $(PYTEST) --durations 30

check: $(BIN)/.requirements-dev ## format, lint and types, without changing anything
	ruff format --check .
	ruff check .
	mypy

format: $(BIN)/.requirements-dev ## format the code
	ruff format .
	ruff check --fix .

cntk: $(BIN)/.requirements ## set up CNTK 2.7 in a Python 3.6 of its own, for refine_dnn.engine: cntk
	python -m swatchbook setup-cntk

docs: $(BIN)/.requirements ## write the generated pages
	python -m swatchbook reference params > docs/params.md
	python -m swatchbook reference commands > docs/cli.md

benchmarks: $(BIN)/.requirements-dev ## run all benchmarks (hours)
	python -m benchmarks.dedupe
	python -m benchmarks.featurize
	python -m benchmarks.incremental
	python -m benchmarks.no_op
	python -m benchmarks.download
	python -m benchmarks.epoch
	python -m benchmarks.busy
	python -m benchmarks.refining
	python -m benchmarks.service --kind compare
	python -m benchmarks.service --kind endure
	python -m benchmarks.parity
	python -m benchmarks.predict

spark: $(BIN)/.requirements-spark ## install pyspark, for swatchbook spark (needs Java 17)

_repository:
	@git rev-parse --git-dir > /dev/null 2>&1 || { \
		echo "make: this folder is no git repository (a ZIP download is none), and DVC needs one: git init && git add -A && git commit -m Swatchbook" >&2; exit 2; }

# pip: every Python has it
$(BIN)/.requirements: requirements.txt constraints.txt | $(BIN)/python $(BIN)/swatchbook $(HERE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements.txt
	touch $@

$(BIN)/.requirements-dev: requirements-dev.txt requirements.txt constraints.txt | $(BIN)/python $(BIN)/swatchbook $(HERE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements-dev.txt
	touch $@ $(BIN)/.requirements

$(BIN)/.requirements-spark: requirements-spark.txt constraints.txt | $(BIN)/.requirements
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements-spark.txt
	touch $@

$(BIN)/python:
	$(PYTHON) -m venv "$(VENV)"
	printf %s "$(abspath $(VENV))" > $(BIN)/.place

_moved: | $(BIN)/python
	$(BIN)/python -m swatchbook.health.environment $(BIN)
	printf %s "$(abspath $(VENV))" > $(BIN)/.place

# the code of the folder one stands in, as `dvc repro` runs it
$(BIN)/swatchbook: | $(BIN)/python
	printf '#!/bin/sh\nexec "%s" -m swatchbook "$$@"\n' "$(abspath $(BIN))/python" > $@
	chmod +x $@
