# `make help` lists what there is.
BUILD_PACKAGES = pkg-config libsimdjson-dev libxxhash-dev libyaml-dev libsqlite3-dev libpq-dev librabbitmq-dev \
	libmicrohttpd-dev libcjose-dev libjansson-dev libssl-dev zlib1g-dev libzstd-dev
# What scripts call: the tools whose output must be read, and whoever asks a store with SQL.
TOOL_PACKAGES = python3 gzip zstd mount sqlite3
# The real thing for tests, and `promtool`, which judges the metrics.
SERVER_PACKAGES = rabbitmq-server postgresql prometheus curl openssl
SWIFT ?= swift

.PHONY: help build demo demo-shots api-check page-check openapi services services-stop live live-stop test test-long lint deps server-deps catalogue docs fuzz bench bench-postgres bench-live bench-readers torture clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

deps:
	@deploy/scripts/install-packages.sh $(BUILD_PACKAGES) $(TOOL_PACKAGES)

server-deps: deps
	@deploy/scripts/install-packages.sh $(SERVER_PACKAGES)

build: deps ## install what is missing and build the program: .build/release/sessionizer
	SESSIONIZER_COMMIT=$$(deploy/scripts/commit.sh) $(SWIFT) build -c release

demo: build ## build, simulate a fleet's day, replay it into demo/sessionizer.db and look at it
	deploy/scripts/demo.sh

services: server-deps ## start a RabbitMQ and a PostgreSQL of one's own and print their URLs
	@deploy/scripts/services.sh start

services-stop: ## end them; their data stay (deploy/scripts/services.sh remove does away with those too)
	@deploy/scripts/services.sh stop

live: build server-deps ## start broker, database and service, play a simulated fleet into the queue, say where to look (LIVE_SECONDS=60 ends it)
	@deploy/scripts/live.sh start

live-stop: ## end what `make live` started
	@deploy/scripts/live.sh stop

demo-shots: build ## write pictures of the page on the demo's day into docs/shots (Chromium from Debian)
	deploy/scripts/demo-shots.sh

TEST_SECONDS ?= 2700
test: server-deps ## install what is missing, check the format, build and run the tests
	$(MAKE) lint
	$(SWIFT) build --build-tests --explicit-target-dependency-import-check error
	deploy/scripts/run-tests.sh $(TEST_SECONDS) $(SWIFT)

WORLDS ?= 400
test-long: test ## the same, then more random worlds and every order, and a minute of fuzzing: make test-long WORLDS=400
	WORLDS=$(WORLDS) MORE=1 $(SWIFT) test --skip-build --filter 'SetSemanticsTests|WorldTests|SideBySideTests'
	$(MAKE) fuzz SECONDS=60

api-check: build server-deps ## hold the API of both stores against docs/openapi.yaml and let schemathesis (PyPI, in .build) look for what breaks it
	deploy/scripts/api-check.sh

page-check: build ## look at the page in a real Chromium, its 15 points one by one; writes docs/page-check.md
	deploy/scripts/page-check.sh

openapi: ## write the served copy of docs/openapi.yaml anew (needs python3-yaml)
	deploy/scripts/embed-openapi.py

lint: ## the format and the documentation of public declarations
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests

catalogue: ## write the built-in copy of config/events.yaml anew
	deploy/scripts/embed-catalogue.sh

docs: catalogue build ## write the documents that are made from the program's own data anew
	.build/release/sessionizer catalogue > docs/events.md

SECONDS ?= 60
fuzz: deps ## let libFuzzer look for a message that breaks the decoder: make fuzz SECONDS=60
	SWIFT=$(SWIFT) deploy/scripts/fuzz-decoder.sh $(SECONDS)

bench: build ## time each part of a replay on simulated archives, about half an hour (bench/README.md)
	bench/run.py

bench-postgres: build server-deps ## time a replay into PostgreSQL beside COPY of its event rows alone
	bench/postgres.py

bench-live: build server-deps ## time the live service, broker and database on the same cores: drain, store, latency, restart
	bench/live.py

bench-readers: build server-deps ## time 200 readers of deliveries while events flow in, and each question on a million sessions (about 7 minutes)
	@deploy/scripts/install-packages.sh wrk
	bench/readers.py

SEED ?= $(shell date +%s)
NODES ?= 1
torture: build server-deps ## let the live service suffer: make torture SECONDS=3600 SEED=1 NODES=1
	torture/torture.py --seconds $(SECONDS) --seed $(SEED) --nodes $(NODES)

clean: ## remove what was built
	rm -rf .build
