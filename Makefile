# Two commands, from an empty clone: `make demo` and `make test`; `make digits` is the first study. Both set up everything they need in .venv.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo digits test mutants docs clean

demo: .venv/body
	$(BIN)/anlage live worm --grow-up

digits: .venv/core
	$(BIN)/anlage grow --resume

test: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/cog --check $(COGGED)
	$(BIN)/pytest --numprocesses 2 --dist loadfile

# Pages whose numbers are produced by the commands shown in them.
COGGED := \
	README.md \
	docs/tour.md \
	docs/active-inference.md \
	docs/controls.md \
	docs/arena.md \
	docs/assay.md \
	docs/body.md \
	docs/connectomes.md \
	docs/divide.md \
	docs/expand.md \
	docs/import.md \
	docs/mind.md \
	docs/scale.md \
	docs/scan.md \
	docs/state-of-the-evidence.md \
	docs/tasks.md \
	evidence/innate-swimming/page.md \
	evidence/larva-division/page.md \
	evidence/mind-of-areas/page.md \
	evidence/scan-baseline/page.md \
	evidence/worm-digits/page.md

docs: .venv/test
	$(BIN)/cog -r $(COGGED)

mutants: .venv/test
	$(BIN)/python scripts/mutants.py

.venv/core: pyproject.toml constraints.txt CMakeLists.txt $(wildcard native/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "anlage needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

.venv/body: .venv/core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[body]'
	touch $@

.venv/test: .venv/core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@

clean:
	rm -rf .venv runs
