# The two commands of a fresh machine are `make demo` and `make test`; the rest is in the README.

SHELL := /bin/bash
# the newest Python that will do; PYTHON=... to choose another
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

# what `make lmdb` takes and makes
DATA ?= input
OUT ?= input
SIZE ?= 227
SEED ?= 0
ARGS ?=
CIFAR ?= input/cifar10

.PHONY: help demo test coverage check docs docs-serve audit format flow learn-pictures studio-pictures browser lmdb cifar10 cifar-mini data notebooks bench proto wheel wheel-test clean

help:
	@echo "make demo    the whole job on a drawn sample: photos to submission, some minutes"
	@echo "make lmdb    DATA=$(DATA) OUT=$(OUT) SIZE=$(SIZE) SEED=$(SEED): photos to LMDBs and a mean"
	@echo "make data    where the data sets come from, one command each"
	@echo "make cifar10 CIFAR=$(CIFAR): its pictures to LMDBs;  make cifar-mini: a thousand of them"
	@echo "make bench   how fast it is beside other means; ARGS='--only mean --photos input/train'"
	@echo "make coverage  what the tests run, branches included, by package"
	@echo "make notebooks  execute notebooks/ and keep what they show;  ARGS=cifar10_mini: one"
	@echo "make flow    the picture of docs/architecture.md"
	@echo "make learn-pictures  those of docs/learn, from a net that is trained for them"
	@echo "make docs    the pages of docs/ as a site in site/;  make docs-serve shows it"
	@echo "make browser Chromium from Debian's packages, for the tests of the studio's pages"
	@echo "make studio-pictures  the pictures of docs/studio, by those tests"
	@echo "make test    all tests;  make check: style and types;  make format: put the style right"
	@echo "make wheel   the wheel and the source archive, in dist/;  make wheel-test: installed and used elsewhere"
	@echo "make audit   known faults of the packages that are installed (asks pypi.org)"

.venv/python:
	@test -n "$(PYTHON)" || { echo "error: no Python of 3.11 or newer found; install one or say PYTHON=..." >&2; exit 2; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/installed: .venv/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --disable-pip-version-check -e .
	@touch $@

# an extra of setup.cfg
.venv/report .venv/dev .venv/docs .venv/learn .venv/notebooks .venv/bench: .venv/%: .venv/installed
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[$*]'
	@touch $@

demo: .venv/installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tools/demo.py

test: .venv/dev .venv-opencv4
	$(BIN)/python -m pytest -n auto

# the tests of the studio's pages drive it; without it they are left out, which make test says
browser:
	@command -v chromium >/dev/null || { command -v apt-get >/dev/null && \
		apt-get update -q && apt-get install -y -q --no-install-recommends chromium; } || \
		{ echo "error: no chromium, and no way to install it: as root on Debian or Ubuntu, or by hand" >&2; exit 2; }

# branches count; also what the processes run that tests start
coverage: .venv/dev
	$(BIN)/python -m pytest -n auto --cov --cov-report=
	@for part in $(sort $(dir $(wildcard catdog/*/__init__.py))) tools/ total; do \
		printf '%-18s %5s %%\n' $$part $$($(BIN)/coverage report --format=total \
			$$([ $$part = total ] || echo "--include=$$part**")); done

check: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict
	$(BIN)/bandit -q -c pyproject.toml -r catdog tools benchmarks experiments docs notebooks/execute.py

# a broken link, a page that nothing leads to, an anchor that is not there: each ends it
docs: .venv/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-serve: .venv/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

# the wheel is built from the source archive
wheel: .venv/dev
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

wheel-test: wheel
	$(BIN)/python -m tests.wheel dist

# known faults of the packages in .venv; asks pypi.org, of which a mirror has but the packages
audit: .venv/dev
	@$(BIN)/python -c "import json, urllib.request as u; \
		json.load(u.urlopen('https://pypi.org/pypi/pip/24.0/json', timeout=20))['vulnerabilities']" \
		2>/dev/null || { echo "error: pypi.org does not answer: nothing was audited" >&2; exit 2; }
	$(BIN)/pip-audit --skip-editable --progress-spinner off

format: .venv/dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# the picture of docs/architecture.md
flow: .venv/installed
	$(BIN)/python docs/draw_flow.py

# the pictures and numbers of docs/learn
learn-pictures: .venv/learn
	$(BIN)/python docs/learn/pictures.py

# the pictures of docs/studio.md, from the journey through its pages
studio-pictures: .venv/dev browser
	STUDIO_PICTURES=docs/studio $(BIN)/python -m pytest -q tests/studio/test_journey.py

lmdb: .venv/installed
	$(BIN)/python tools/create_lmdb.py --data "$(DATA)" --out "$(OUT)" --size $(SIZE) --seed $(SEED) $(ARGS)

cifar10: .venv/installed
	$(BIN)/python tools/create_lmdb.py --data "$(CIFAR)" --out input/cifar10 --size 32 --no-equalize --validation 5000

# goes on where it was stopped
cifar-mini: .venv/report
	$(BIN)/python -m experiments.cifar_mini $(ARGS)

# in place, each in a folder of its own beside it
notebooks: .venv/notebooks
	$(BIN)/python -m notebooks.execute $(ARGS)

data:
	@echo "Kaggle dogs-vs-cats, 25,000 photos (accept the rules on its page first):"
	@echo "  pip install kaggle && kaggle competitions download -c dogs-vs-cats -p input && \\"
	@echo "    unzip -q input/dogs-vs-cats.zip -d input && unzip -q input/train.zip -d input && \\"
	@echo "    unzip -q input/test1.zip -d input"
	@echo "Oxford-IIIT Pet, 7,349 photos of 37 breeds, cats and dogs among them:"
	@echo "  $(BIN)/python -c \"from torchvision.datasets import OxfordIIITPet as D; D('input/pet', download=True)\""
	@echo "CIFAR-10, 60,000 pictures of ten classes:"
	@echo "  $(BIN)/python -c \"from torchvision.datasets import CIFAR10 as D; D('input/cifar10', download=True)\""

# OpenCV 5 reads no Caffe nets any more; without 4 what is measured beside it is left out, and
# tests have but what it gave when it was recorded
.venv-opencv4:
	-$(PYTHON) -m venv $@ && \
		$@/bin/python -m pip install --disable-pip-version-check 'opencv-python-headless<5' numpy

bench: .venv/bench .venv-opencv4
	$(BIN)/python -m benchmarks $(ARGS)

# the generated module stands in the repository; only a change of the schema needs this
proto:
	$(PYTHON) -m venv .venv-proto
	.venv-proto/bin/python -m pip install --disable-pip-version-check grpcio-tools==1.62.3 setuptools
	.venv-proto/bin/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. catdog/proto/caffe.proto

clean:
	rm -rf .venv .venv-proto .venv-opencv4 build dist site *.egg-info demo .coverage .pytest_cache .mypy_cache .ruff_cache
