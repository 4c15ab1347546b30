# The two doors of a newcomer. Each makes .venv on its first run and works offline afterwards.
PYTHON ?= python3
VENV := .venv
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test lint clean

help:
	@echo "make demo   classify handwritten digits on the accelerator's own RTL"
	@echo "make test   run the tests"
	@echo "make lint   check the rules listed in ruff.toml"
	@echo "make clean  remove .venv and everything built"

demo: $(VENV)/.demo
	$(VENV)/bin/myvta demo

test: $(VENV)/.test
	$(VENV)/bin/python -m pytest -n 2

lint: $(VENV)/.test
	$(VENV)/bin/ruff check

clean:
	rm -rf $(VENV) build

$(VENV)/.demo: setup.cfg pyproject.toml .ci/prepare
	PYTHON=$(PYTHON) .ci/prepare $(VENV) sim,host,plot iverilog g++
	touch $@

# `make demo` needs nothing beyond this.
$(VENV)/.test: setup.cfg pyproject.toml .ci/prepare
	PYTHON=$(PYTHON) .ci/prepare $(VENV) test,lint iverilog g++ ghdl zlib.h
	touch $(VENV)/.demo $@
