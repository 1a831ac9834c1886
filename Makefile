# The workflow, as commands. Each target sets itself up from nothing: python3 (3.11 to 3.13) is all it asks.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Three at a time, each file in one of them: much of their time they wait for servers and clocks.
PYTEST_ARGS ?= -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: demo test lint bench crash long lock clean

demo: $(VENV)/.run
	$(BIN)/vigie demo

test: lint
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

crash: $(VENV)/.dev
	VIGIE_KILLS=200 $(BIN)/python -m pytest -m crash -s tests/journeys/test_kill.py

# What `make test` plays in short, at its full length: a month of 50,000 addresses, the faults on 1,152 people,
# 500 races; and 100,000 random steps and the properties with other dice than every day's.
long: $(VENV)/.dev
	VIGIE_ADDRESSES=50000 VIGIE_EACH=6 VIGIE_RACES=500 $(BIN)/python -m pytest -s \
		tests/journeys/test_month.py tests/journeys/test_matrix.py tests/journeys/test_race.py
	VIGIE_SEED=0 $(BIN)/python -m pytest -s tests/journeys/test_random_days.py
	VIGIE_SEED=0 $(BIN)/python -m pytest $(PYTEST_ARGS) tests/unit

# The lock files hold exact versions with hashes, for Python 3.11 to 3.13 on every system.
lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra dev pyproject.toml -o requirements-dev.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra dev --extra bench pyproject.toml -o requirements-bench.lock

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.bench: requirements-bench.lock $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
