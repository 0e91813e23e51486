# Everything runs from .venv, which the first target that needs it creates.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
export TF_CPP_MIN_LOG_LEVEL ?= 3
export DO_NOT_TRACK ?= true
export MLFLOW_DISABLE_TELEMETRY ?= true
export PREFECT_SERVER_ANALYTICS_ENABLED ?= false

.PHONY: demo test test-all check faults reference format clean help

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/installed  ## the whole job on the embedded synthetic data (about 4 minutes on 2 cores)
	$(BIN)/dpl-train --surrogate vic --out runs/demo

test: $(VENV)/installed-test  ## the tests that need a few seconds each
	$(BIN)/python -m pytest -m "not slow"

test-all: $(VENV)/installed-test  ## all tests, long ones included
	$(BIN)/python -m pytest

check: $(VENV)/installed-check  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

faults: $(VENV)/installed-test  ## injected faults, exact survivors counted, as a table (about 10 minutes)
	$(BIN)/python -m pytest -m faults --fault-table

reference: $(VENV)/installed-test  ## agreement with recorded runs of VIC 5, as a table
	$(BIN)/python -m pytest -m reference -s

format: $(VENV)/installed-check  ## rewrite the sources in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove the environment and the runs
	rm -rf $(VENV) runs

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(PIP) install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@

$(VENV)/installed-check: $(VENV)/installed-test
	$(PIP) install --quiet --constraint constraints.txt --editable '.[test,check]'
	touch $@
