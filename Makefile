PYTHON ?= python3
VENV := .venv
CONSTRAINTS := constraints.txt
BIN := $(VENV)/bin

# The environment with transformers 5 and sentence-transformers 6, beside which optimum cannot be.
TRANSFORMERS5 := .venv-transformers5
MAKE_TRANSFORMERS5 = $(MAKE) VENV=$(TRANSFORMERS5) CONSTRAINTS=constraints-transformers5.txt $(TRANSFORMERS5)/.test-transformers5

# The C kernels. Where they cannot be compiled, this says why and goes on: everything then runs on onnxruntime.
KERNELS := runtime/biobert_onnx/kernels/_kernels.so

.PHONY: demo test test-interop test-large test-transformers5 test-spark35 test-pythons test-newest-python test-schema \
  test-arm check site wheels fuzz sanitize audit benchmark benchmark-threads benchmark-quick soak load chaos

# Export a checkpoint, embed sentences with it, compare its speed with PyTorch; CHECKPOINT=folder takes your own.
$(VENV)/.demo: NOTE := Installing PyTorch and other packages into $(VENV), once. This takes minutes, and 1.6 GB with the \
  CPU build of torch, 6 GB with the build that PyPI has for Linux.
demo: $(VENV)/.demo
	$(BIN)/python -m benchmarks.demo $(if $(CHECKPOINT),--checkpoint '$(CHECKPOINT)')

test: $(VENV)/.test
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest

# Run every test that needs the packages of others, in an environment of its own; Node.js only where there is npm.
test-interop: $(if $(shell command -v npm),build/node/node_modules)
	$(MAKE) VENV=.venv-interop .venv-interop/.interop
	HF_HUB_OFFLINE=1 .venv-interop/bin/python -m pytest tests/integrations tests/runtime/serving

# Run the tests on networks of BioBERT's size (one is the trained all-mpnet-base-v2) and wider, and on 10,000 partitions of
# Spark: 410 MB more to install, half an hour on 2 CPUs.
test-large: $(VENV)/.test $(VENV)/.mpnet
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -m large tests/export tests/runtime/spark

# Run the tests of export with transformers 5 and sentence-transformers 6, which optimum does not work with, in an
# environment of its own; and compare its export of MiniLM with that of $(VENV).
test-transformers5: $(VENV)/.demo
	$(MAKE_TRANSFORMERS5)
	HF_HUB_OFFLINE=1 OTHER_PYTHON=$(BIN)/python $(TRANSFORMERS5)/bin/python -m pytest tests/export \
	  --ignore=tests/export/test_package.py --ignore=tests/export/quantize/test_emulation.py

# Run the tests of Spark with Spark 3.5, in an environment of its own; what pyspark itself warns of there is no error.
test-spark35:
	mkdir -p build
	sed 's/^pyspark==.*/pyspark==3.5.9/' constraints.txt > build/constraints-spark35.txt
	$(MAKE) VENV=.venv-spark35 CONSTRAINTS=build/constraints-spark35.txt .venv-spark35/.test
	HF_HUB_OFFLINE=1 .venv-spark35/bin/python -m pytest -o filterwarnings=default tests/runtime/spark

# Run the runtime's tests on the installed wheel with every Python at hand, the oldest and the newest dependencies, and
# record it; RUNS="3.13 oldest" does these alone. 50 minutes on 2 CPUs.
test-pythons: $(VENV)/.test
	$(BIN)/python tests/programs/pythons.py $(RUNS)

# The same on the newest Python at hand, without a record: what CI runs.
test-newest-python: $(VENV)/.test
	$(BIN)/python tests/programs/pythons.py at-hand

# Have schemathesis try the routes that /openapi.json describes, 200 requests and more for each. 4 minutes.
test-schema: $(VENV)/.test build/schemathesis/bin/schemathesis
	HF_HUB_OFFLINE=1 $(BIN)/python tests/programs/schema.py --max-examples 200

# Run the wheel for aarch64 and its zip on three ARM CPUs, and the checkout on four x86-64 CPUs, all emulated by qemu;
# CPUS="neoverse-n1 Haswell" does some. Fetches 150 MB, once. Needs apt, gcc-aarch64-linux-gnu. 8 minutes on 2 CPUs.
test-arm: $(VENV)/.test
	HF_HUB_OFFLINE=1 $(BIN)/python tests/programs/arm.py $(CPUS)

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32 runtime hatch_build.py

# The properties of tests/properties on thousands of new examples; `make test` tries a few.
fuzz: $(VENV)/.test
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest tests/properties tests/faults/test_kills.py --hypothesis-profile=fuzz --hypothesis-show-statistics

# The kernels' tests with all C under AddressSanitizer and UndefinedBehaviorSanitizer; the first report ends them. 15 minutes
# on 2 CPUs, most of them gcc's.
sanitize: $(VENV)/.test
	HF_HUB_OFFLINE=1 $(BIN)/python tests/programs/sanitize.py

# Every version and licence that is installed, none of them a GPL; known weaknesses of the pinned versions.
audit: $(VENV)/.test $(VENV)/.audit
	$(BIN)/pip-licenses --order=license --partial-match --fail-on=GPL
	$(BIN)/pip-audit --strict --no-deps --disable-pip --requirement constraints.txt
	$(BIN)/pip-audit --strict --no-deps --disable-pip --requirement constraints-transformers5.txt

# The website of every page and, from the docstrings, every public call: open build/site/index.html; no server is needed.
site: $(VENV)/.docs
	$(BIN)/python docs/website/gather.py build/website
	$(BIN)/zensical build --strict --config-file build/website/zensical.toml
	rm -rf build/site
	mv build/website/site build/site

# What a release consists of, twice, with all checks: the sdist, wheels, an SBOM, sums; in build/dist. Nothing is published.
wheels:
	$(MAKE) VENV=.venv-release .venv-release/.release
	.venv-release/bin/python tests/programs/wheels.py

# Measure every contender (three hours on 2 slow CPUs) and write the report; after an interruption it goes on where it was.
# benchmark-quick shows that everything runs.
benchmark: $(VENV)/.benchmark
	$(MAKE_TRANSFORMERS5)
	HF_HUB_OFFLINE=1 $(BIN)/python -W ignore -m benchmarks.measure
	$(BIN)/python -m benchmarks.render

# Measure both engines and their peers on 1, 2, 4, ... CPUs up to all (15 minutes on 2) and write the report.
benchmark-threads: $(VENV)/.benchmark
	HF_HUB_OFFLINE=1 $(BIN)/python -W ignore -m benchmarks.threads
	$(BIN)/python -m benchmarks.render

benchmark-quick: $(VENV)/.benchmark
	$(MAKE_TRANSFORMERS5)
	HF_HUB_OFFLINE=1 $(BIN)/python -W ignore -m benchmarks.measure --quick --output build/benchmark-quick \
	  --work build/measure-quick

# Watch the memory of the command in two long runs: 1,000,000 short texts, 100,000 texts of all lengths. Both programs
# watch the kernels, or with ENGINE=onnxruntime the other engine, and so does `chaos`.
soak load chaos: ENGINE := kernels
soak: $(VENV)/.demo
	$(BIN)/python -W ignore -m benchmarks.soak --engine $(ENGINE)

# Watch eight processes of eight threads for ten minutes or a thousand encoders, whichever comes later: they open, close
# and fork encoders, without leaks or wrong bits.
load: $(VENV)/.demo
	$(BIN)/python -W ignore -m benchmarks.load --engine $(ENGINE)

# Put 10,000 requests of 32 clients on the server, most of whom misbehave: none is lost or answered wrongly. 3 minutes.
chaos: $(VENV)/.test
	$(BIN)/python -W ignore -m benchmarks.chaos --engine $(ENGINE)

demo test test-interop test-large test-transformers5 test-spark35 test-schema test-arm fuzz: $(KERNELS)
test-pythons test-newest-python: $(KERNELS)
benchmark benchmark-threads benchmark-quick soak load chaos: $(KERNELS)
$(KERNELS): hatch_build.py $(wildcard runtime/biobert_onnx/kernels/source/*.[ch])
	$(PYTHON) hatch_build.py

# A virtual environment with the extra named by the stamp file.
$(VENV)/.%: pyproject.toml $(CONSTRAINTS)
	$(if $(NOTE),@echo "$(NOTE)")
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[$*]'
	touch $@

build/schemathesis/bin/schemathesis: Makefile
	$(PYTHON) -m venv build/schemathesis
	build/schemathesis/bin/python -m pip install --quiet schemathesis==4.32.5
	touch $@

# Without scripts: onnxruntime-node's would fetch CUDA libraries; what runs on CPUs is in the packages.
build/node/node_modules: Makefile
	npm install --prefix build/node --no-save --ignore-scripts @huggingface/transformers@4.3.1
	touch $@
