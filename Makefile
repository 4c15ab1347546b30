# The two doors of a newcomer. Each makes .venv on its first run and works offline afterwards.
PYTHON ?= python3
VENV := .venv
export PIP_DISABLE_PIP_VERSION_CHECK := 1

NET ?= resnet18

# The quick tier: no simulator, no MyHDL, nothing marked slow.
CHECK := --without-myhdl -m "not (slow or icarus or verilator or soak or networks)" \
	tests/unit/isa tests/unit/asm tests/unit/check tests/unit/model tests/unit/compiler \
	tests/unit/driver

# Collecting takes three times as long where pytest may not keep its byte code.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo profile check test lint clean

help:
	@echo "make demo      classify handwritten digits on the accelerator's own RTL"
	@echo "make profile   where the cycles of ResNet-18 go, on a page; NET=mobilenet_v1 for another"
	@echo "make check     run the quick tests: half a minute, no simulator"
	@echo "make test      run the tests"
	@echo "make lint      check the rules listed in ruff.toml"
	@echo "make clean     remove .venv and everything built"

demo: $(VENV)/.demo
	$(VENV)/bin/myvta demo

profile: $(VENV)/.test
	$(VENV)/bin/python examples/networks/build.py $(NET) --out build/networks
	$(VENV)/bin/myvta compile build/networks/$(NET).onnx --calib build/networks/$(NET).npz \
		--per-layer -o build/$(NET).vta
	$(VENV)/bin/myvta profile build/$(NET).vta --report build/$(NET)

check: $(VENV)/.test
	$(VENV)/bin/python -m pytest -n 2 $(CHECK)

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
