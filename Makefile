# Everything a fresh machine needs is Python 3.11 or newer, and make.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow check format bench clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Freehold needs Python 3.11 or newer, this is " + sys.version + ". Type: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

install: $(INSTALLED) ## make .venv and install everything into it

demo: $(INSTALLED) ## turn the line on the example task, then ask it something
	$(BIN)/freehold run examples/stdlib
	$(BIN)/freehold predict examples/stdlib --input '{"text": "Send an email over an SMTP connection."}'

test: $(INSTALLED) ## the tests that a change must pass
	$(BIN)/python -m pytest -m 'not slow'

test-slow: $(INSTALLED) ## the tests that take minutes
	$(BIN)/python -m pytest -m slow

check: $(INSTALLED) ## style, types, architecture, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m docs.check

format: $(INSTALLED) ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED) ## how fast the program starts; see bench/ for the others
	$(BIN)/python -m bench.startup

clean: ## remove what was made, the example's state included
	rm -rf .venv build dist bench/out src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf .import_linter_cache examples/*/.freehold
	find src tests bench docs -name __pycache__ -type d -prune -exec rm -rf {} +
