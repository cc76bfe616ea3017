# Two commands do everything on a fresh Debian 12: `make demo` and `make test`.
PY := .venv/bin/python

.PHONY: help setup demo test test-c test-py lint format docs bundle clean
help:
	@echo "make demo          server and simulated call centre in real time; three callers; KEEP=1 stays up"
	@echo "make test          lint, C tests under sanitizers, Python tests"
	@echo "make setup         Debian packages, .venv, compiled engine (both of the above call it)"
	@echo "make bundle        everything for a site without a network, in dist/"
	@echo "make format docs clean"

setup:
	@sh conf/setup.sh

demo: setup
	@.venv/bin/tipring demo $(if $(KEEP),--keep)

test: setup lint test-c test-py

test-c: setup
	@$(MAKE) --no-print-directory -C tests/csrc all

test-py: setup
	@$(PY) -m pytest

lint: setup
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@clang-format --dry-run -Werror csrc/*.c csrc/*.h tests/csrc/*.c tests/csrc/*.h
	@.venv/bin/mypy

format: setup
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format .
	@clang-format -i csrc/*.c csrc/*.h tests/csrc/*.c tests/csrc/*.h

docs: setup
	@$(PY) -m cti.machine docs/machines

bundle: setup
	@sh conf/bundle.sh

clean:
	rm -rf .venv build dist *.egg-info drivers/_engine.c drivers/_engine.*.so tests/csrc/build
