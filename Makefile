# Two commands do everything on a fresh Debian 12: `make demo` and `make test`.
PY := .venv/bin/python
# one process a processor; who is done first takes over half of what another still has to do
ALL_TESTS := -n auto --maxprocesses 8 --dist worksteal
C_FILES := $(wildcard csrc/*.c csrc/*.h tests/csrc/*.c tests/csrc/*.h)

.PHONY: help setup demo test test-c test-py test-dahdi lint format docs bundle clean
help:
	@echo "make demo          server and simulated call centre in real time; KEEP=1 stays up; SWITCH=pbx|card TRUNK=fxo|pri|r2"
	@echo "make test          lint, C tests under sanitizers, Python tests"
	@echo "make test-dahdi    the card tests and the nine steps on the real DAHDI driver, in a virtual machine; RUNS=name"
	@echo "make setup         Debian packages, .venv, compiled engine, prompts (the others call it)"
	@echo "make bundle        everything for a site without a network, in dist/"
	@echo "make lint test-c test-py format docs clean"

setup:
	@sh conf/setup.sh

demo: setup
	@.venv/bin/tipring demo $(if $(SWITCH),--switch $(SWITCH) )$(if $(TRUNK),--trunk $(TRUNK) )$(if $(filter-out 0 no,$(KEEP)),--keep)

test: setup lint test-c test-py

test-c: setup
	@$(MAKE) --no-print-directory --output-sync -j"$$(nproc)" -C tests/csrc all

test-py: setup
	@$(PY) -m pytest $(or $(ARGS),$(ALL_TESTS))

test-dahdi: setup
	@$(PY) -m tests.dahdi $(RUNS)

lint: setup
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@clang-format --dry-run -Werror $(C_FILES)
	@$(PY) -m mypy

format: setup
	@$(PY) -m ruff check --fix . || true
	@$(PY) -m ruff format .
	@clang-format -i $(C_FILES)

docs: setup
	@$(PY) -m cti.machine docs/machines
	@$(PY) -m cti.pbx.page docs/pbx

bundle: setup
	@sh conf/bundle.sh

# The spoken prompts and the DAHDI machine stay, in the user's cache folder.
clean:
	rm -rf .venv build dist demo-run dahdi-run *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -f drivers/_engine.c drivers/_engine.*.so drivers/*.o
	find cti drivers simulators tests conf -name __pycache__ -prune -exec rm -rf {} +
