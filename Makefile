# Everything a person does with this repository. `make help` lists it.
# Needs: Debian, Python 3.11 with pip, npm, root (only `make test`, `make bench` and `make proof` install Debian packages).
# `make run` compiles adengine/express and adengine/native if there is a C compiler; `make .venv/native` does that alone.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# The folder too: its time tells that a file has gone.
NATIVE := adengine/express adengine/native $(wildcard adengine/*/*.pyx adengine/*/*.pxd) adengine/native/load.py tools/build_native.py
# `make run` alone does without what needs a C compiler.
REQUIRED := --required
run: REQUIRED :=
UV := UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 .uv/bin/uv
PYTEST := $(BIN)/python -m pytest
# Every line and branch of what they test is run: [tool.coverage] in pyproject.toml.
COVERED := tests/counting tests/caps

.DEFAULT_GOAL := help
.PHONY: help run test check bench proof lock vendor clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/runtime .venv/native ## set up, seed the QWIKET demo and serve it on http://127.0.0.1:8000
	@$(BIN)/python -m adengine demo

test: .venv/dev .venv/system .venv/native check ## set up and run every test (a real Valkey, cluster, PostgreSQL and browser)
	$(PYTEST) -n 2 --dist loadgroup -m "not proof and not alone" --cov -- $(COVERED)
	$(PYTEST) -n 2 --dist loadgroup -m "not proof and not alone" $(COVERED:%=--ignore=%)
	$(PYTEST) -p no:xdist -m "alone and not proof"

check: .venv/dev ## lint, types, the import contract, facts told twice
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check -q .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(PYTEST) -q -p no:xdist tests/house

bench: .venv/dev .venv/system .venv/native ## measure fills and beacons over HTTP as ratios (about ten minutes)
	$(BIN)/python -m adengine bench

proof: .venv/dev .venv/system .venv/native ## the long proofs: a million beacons and 140 kills, the caps hammer, mutants, simulated books (two hours)
	$(PYTEST) -p no:xdist -p no:randomly -m proof --timeout 3600

lock: .uv/done ## renew the locked dependencies from pyproject.toml
	$(UV) pip compile -q pyproject.toml --python-version 3.11 --generate-hashes --no-header -o requirements.txt
	$(UV) pip compile -q pyproject.toml --group dev -c requirements.txt --python-version 3.11 --generate-hashes --no-header -o requirements-dev.txt
	$(UV) pip compile -q --group build --python-version 3.11 --generate-hashes --no-header -o requirements-build.txt

vendor: ## renew the vendored browser assets from npm and their checksums
	tools/vendor.sh

clean: ## remove what set-up and runs have made (not ./var)
	rm -rf adengine/express/*.so adengine/native/*.so adengine/native/_built.json .build .cython
	rm -rf .venv .uv .pytest_cache .mypy_cache .ruff_cache .hypothesis

.uv/done: requirements-uv.txt
	@echo "set-up 1/3: the package installer"
	@$(PYTHON) -m pip install -q --disable-pip-version-check --upgrade --target .uv --require-hashes -r requirements-uv.txt
	@touch $@

.venv/runtime: .uv/done requirements.txt
	@echo "set-up 2/3: locked dependencies"
	@test -x $(BIN)/python || $(UV) venv -q --python $(PYTHON) .venv
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements.txt
	@touch $@

.venv/dev: .uv/done requirements-dev.txt
	@echo "set-up 2/3: locked dependencies, tests' too"
	@test -x $(BIN)/python || $(UV) venv -q --python $(PYTHON) .venv
	@$(UV) pip sync -q --python $(BIN)/python --require-hashes requirements-dev.txt
	@touch $@ .venv/runtime

.venv/system: tools/system_packages.sh
	@tools/system_packages.sh $(BIN)/python
	@touch $@

# Done only if it was compiled: without a compiler the next `make` tries again.
.venv/native: $(NATIVE) .cython/done | .venv/runtime
	@echo "set-up 3/3: compiling the fast lane"
	@$(BIN)/python tools/build_native.py $(REQUIRED)
	@test ! -f adengine/native/_built.json || touch $@

.cython/done: requirements-build.txt | .uv/done .venv/runtime
	@rm -rf .cython
	@$(UV) pip install -q --python $(BIN)/python --target .cython --require-hashes -r requirements-build.txt
	@touch $@
