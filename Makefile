# Two commands do everything: `make demo` and `make test`. Each installs what it needs first.

SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export STEP3_HOME ?= $(CURDIR)/data
export STEP3_REFERENCE_DIR ?= $(abspath $(CURDIR)/../shared)

.PHONY: mutants help install demo test check lint types imports validate docs ui clean

help: ## Show what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	@PYTHON="$(PYTHON)" VENV="$(VENV)" bash scripts/install.sh
	@touch $(STAMP)

install: $(STAMP) ## Create .venv with everything pinned

demo: $(STAMP) ## Synthetic delivery, whole platform, verdict, report
	$(BIN)/step3 demo

ui: $(STAMP) ## Open the Dagster UI on what was run
	$(BIN)/step3 ui

test: $(STAMP) ## The test suite
	@bash scripts/browser.sh
	$(BIN)/python -m pytest -n $${STEP3_TEST_WORKERS:-3} --dist loadfile --no-loadscope-reorder

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/pyright --pythonpath $(BIN)/python

imports: $(STAMP)
	$(BIN)/lint-imports

validate: $(STAMP)
	$(BIN)/python -m step3_assets.cli.main validate

mutants: $(STAMP) ## Plant every kept fault in a copy (SAMPLE=4: so many); fails where no test catches one
	$(BIN)/python scripts/mutants/run.py $(if $(SAMPLE),--sample $(SAMPLE))

docs: $(STAMP) ## Regenerate the generated pages
	$(BIN)/python -m step3_assets.cli.main docs --write

check: $(STAMP) ## Everything that continuous integration runs
	@$(MAKE) --no-print-directory -j 2 --output-sync=target lint types imports validate mutants SAMPLE=3
	@$(MAKE) --no-print-directory test

clean: ## Remove the environment and everything runs wrote
	rm -rf $(VENV) && find data -mindepth 1 ! -name README.md -delete
