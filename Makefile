# Each target makes `.venv` and installs what it needs, so a fresh checkout needs
# nothing but Python 3.11 or newer. Pins are in constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

DEVICE ?= cpu

.PHONY: demo test test-quick test-lowest test-nightly test-doctor-libraries test-models lint docs bench bench-jax \
	bench-per-sample crosscheck mutants reproduce wheel clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt \
		--editable '.[compare,doctor,jax,testing]' --group dev
	touch $@

demo: $(READY)  ## the main job: which loss serves German Credit?
	$(BIN)/costfn compare german-credit --out demo

# By file: each process compiles for JAX what the tests of a file share.
test: $(READY)  ## the suite, then that of the losses with shapes checked at run time
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --quiet
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --quiet \
		tests/core tests/jax tests/nn tests/per_sample -m "shapes and not unchecked" \
		--jaxtyping-packages=costfn,costfn_nn,costfn_jax,beartype.beartype

test-quick: $(READY)  ## in two minutes: the first case of each test that is not slow
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --quiet --first-case \
		tests costfn adapters README.md

test-nightly: $(READY)  ## every Hypothesis property on 1700 examples, a million in all
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest --numprocesses 2 --quiet -m hypothesis tests

# The lowest versions that pyproject.toml states, with warnings of their time.
test-lowest: pyproject.toml constraints-lowest.txt  ## the same slice with old versions
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --upgrade pip
	.venv-lowest/bin/python -m pip install --quiet --constraint constraints-lowest.txt \
		--editable '.[compare,doctor,jax,testing]' --group lowest
	.venv-lowest/bin/python -m pytest --quiet --first-case -W default \
		tests/core tests/jax tests/nn tests/testing

# The losses of other libraries, in an environment of their own.
test-doctor-libraries: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-doctor
	.venv-doctor/bin/python -m pip install --quiet --constraint constraints.txt --upgrade pip
	.venv-doctor/bin/python -m pip install --quiet --constraint constraints.txt \
		--editable . --group doctor-libraries
	.venv-doctor/bin/python -m tests.libraries --write

# Other people's models, in an environment of their own.
test-models: pyproject.toml constraints.txt  ## per-sample gradients of BERT and others
	$(PYTHON) -m venv .venv-models
	.venv-models/bin/python -m pip install --quiet --constraint constraints.txt --upgrade pip
	.venv-models/bin/python -m pip install --quiet --constraint constraints.txt \
		--editable . --group models
	.venv-models/bin/python -m pytest --numprocesses 2 --quiet tests/models

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/sphinx-build -W --keep-going -q docs docs/_build

bench: $(READY)
	$(BIN)/python -m tests.bench

bench-jax: $(READY)
	$(BIN)/python -m tests.bench.jax_losses

crosscheck: $(READY)  ## torch, JAX and 110 digits: writes docs/crosscheck.md
	$(BIN)/python -m tests.crosscheck --device $(DEVICE)

mutants: $(READY)  ## faults planted in the library, and which tests notice
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group mutation
	$(BIN)/python -m tests.mutation

bench-per-sample: $(READY)  ## per-sample gradients beside Opacus and BackPACK
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group bench
	$(BIN)/python -m tests.bench.per_sample

reproduce: $(READY)  ## the published table of AnyLoss, entry by entry
	$(BIN)/python -m tests.bench.reproduce_anyloss

wheel: $(READY)  ## built, installed elsewhere in a clean environment, imported
	bash .ci/wheel

clean:
	rm -rf .venv .venv-doctor .venv-lowest .venv-models build dist docs/_build demo
