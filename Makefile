# `make` lists the targets. Everything runs from .venv, which `setup` builds and keeps current.
# Kept to GNU Make 3.81, which macOS ships.

BIN := .venv/bin
ARGS ?=

.PHONY: help run test lint bench eval-starter gallery screenshots accept clean setup test-programs music-programs accept-programs

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: setup ## start the tray application (ARGS="serve --osc-port 9770")
	@$(BIN)/daw-bridge $(ARGS)

# Side by side, but for real programs whose time is measured. A thread each, or they fight for cores.
test: setup test-programs ## the tests (ARGS="tests/core -k delay")
ifeq ($(strip $(ARGS)),)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile \
	    --no-loadscope-reorder -m "not accept and not gpu and (not real or beside_others)"; others=$$?; \
	$(BIN)/python -m pytest tests/real -m "real and not accept and not beside_others" && exit $$others
else
	$(BIN)/python -m pytest $(ARGS)
endif

lint: setup ## formatting, types and the rule of dependency
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo

bench: setup ## the figures: a table and build/bench.json (ARGS="lm stream" for some)
	$(BIN)/python -m tests.benchmarks $(ARGS)

eval-starter: setup music-programs ## the starter model's figures: a table and build/starter.json (ARGS="--clips 20")
	$(BIN)/python -m core.training.measure $(ARGS)

gallery: setup ## ten clips a style to look at and hear: build/gallery/index.html
	$(BIN)/python -m core.training.measure --gallery $(ARGS)

screenshots: setup ## pictures of the panel in docs/screenshots
	@$(BIN)/python -m gui.screenshots docs/screenshots

accept: setup accept-programs ## the slow acceptance tests
	$(BIN)/python -m pytest -m accept --timeout 900 $(ARGS)

clean: ## remove what was built, and the caches; .venv stays
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

setup:
	@bash .ci/setup.sh

test-programs:
	@bash .ci/programs.sh test

music-programs:
	@bash .ci/programs.sh music

accept-programs:
	@bash .ci/programs.sh test music accept
