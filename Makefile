# VENV may be given, so that one environment serves several clones (see .ci/run)
VENV ?= .venv
PYTHON ?= $(shell command -v python3.11 || echo python3)
BIN := $(VENV)/bin
# every command below uses the environment's python and dvc, without activating it
export PATH := $(abspath $(BIN)):$(PATH)
export DVC_NO_ANALYTICS := 1

.PHONY: help repro update test test-faults check format docs benchmarks cntk
.DEFAULT_GOAL := help

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

repro: $(BIN)/.requirements ## set up, then run the pipeline: only what changed is done again
	python -m swatchbook.params
	dvc repro

update: $(BIN)/.requirements ## take in images added to the source since the last run, then repro
	dvc repro --force --single-item acquire
	dvc repro

test: $(BIN)/.requirements-dev ## set up, then run all checks and tests
	$(MAKE) check
	# a file's tests stay together: they share what is dear to make
	python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile

test-faults: $(BIN)/.requirements-dev ## kill, interrupt and fill the disk of runs at 120 random moments (40 minutes)
	SWATCHBOOK_KILLS=50 SWATCHBOOK_DISKS=20 python -m pytest tests/test_faults.py tests/test_full_disk.py

check: $(BIN)/.requirements-dev ## format, lint and types, without changing anything
	ruff format --check .
	ruff check .
	mypy

format: $(BIN)/.requirements-dev ## format the code
	ruff format .
	ruff check --fix .

cntk: $(BIN)/.requirements ## set up CNTK 2.7 in a Python 3.6 of its own, for refine_dnn.engine: cntk
	python -m swatchbook.cntk.environment

docs: $(BIN)/.requirements ## write the generated pages
	python -m swatchbook.params_reference > docs/params.md
	python -m swatchbook.cli.reference > docs/cli.md

benchmarks: $(BIN)/.requirements-dev ## run all benchmarks (hours)
	python -m benchmarks.dedupe
	python -m benchmarks.featurize
	python -m benchmarks.incremental
	python -m benchmarks.no_op
	python -m benchmarks.download
	python -m benchmarks.epoch
	python -m benchmarks.refining
	python -m benchmarks.service --kind compare
	python -m benchmarks.service --kind endure
	python -m benchmarks.parity
	python -m benchmarks.predict

# pip: every Python has it
$(BIN)/.requirements: requirements.txt constraints.txt | $(BIN)/python $(BIN)/swatchbook
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(BIN)/.requirements-dev: requirements-dev.txt requirements.txt constraints.txt | $(BIN)/python $(BIN)/swatchbook
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@ $(BIN)/.requirements

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# the code of the folder one stands in, as `dvc repro` runs it
$(BIN)/swatchbook: | $(BIN)/python
	printf '#!/bin/sh\nexec "%s" -m swatchbook "$$@"\n' "$(abspath $(BIN))/python" > $@
	chmod +x $@
