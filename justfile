set positional-arguments

# List the recipes
default:
    @{{ just_executable() }} --list --unsorted

# Build build/sluice, after installing what is missing
build:
    @sh deploy/bootstrap.sh build

# Build and run every test
test:
    @sh deploy/bootstrap.sh test

# Check our own rules, the format, clang-tidy and shellcheck
lint:
    @sh tests/lint/run.sh

# Format every C file
fmt:
    git ls-files '*.c' '*.h' | xargs $(command -v clang-format-14 || echo clang-format) -i

# Run every test under ASan and UBSan, built with clang
asan *args:
    @sh tests/asan.sh "$@"

# Run each fuzz target for so many seconds: just fuzz 60 [TARGET...]
fuzz seconds="20" *targets:
    @sh tests/fuzz/run.sh "$@"

# Measure, and print the table of tests/bench/README.md
bench *args: _ready
    @build/venv/bin/python tests/bench/bench.py "$@"

# Run a pipeline here: just run birdstrikes
[no-exit-message]
run *args: _ready
    @build/sluice run "$@"

# Hit runs at every step and at N random moments a mode: just crash-test 500; --property 200 for random pipelines
crash-test *args: _ready
    @ninja -C build tests/tools/libfail_write.so >build/ready.log
    @build/venv/bin/python tests/crash/crash.py "$@"

# Start a pipeline where its environment runs pipelines
[no-exit-message]
trigger *args: _ready
    @build/sluice trigger "$@"

# Say what a run would read, change and write
[no-exit-message]
plan *args: _ready
    @build/sluice plan "$@"

# Check pipelines: every file, every error
[no-exit-message]
validate *args: _ready
    @build/sluice validate "$@"

# Show the state of pipelines and their tables
[no-exit-message]
health *args: _ready
    @build/sluice health "$@"

# Show a pipeline's log
[no-exit-message]
logs *args: _ready
    @build/sluice logs "$@"

# Remove what was built; libduckdb and just stay in build/deps
clean:
    rm -rf build-asan build-fuzz
    [ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} +

# Install below a prefix: just install ~/.local
install prefix="/usr/local": _ready
    meson configure build "-Dprefix=$1"
    meson install -C build

# An up-to-date build, silent unless it fails
_ready:
    @[ -f build/build.ninja ] || sh deploy/bootstrap.sh build
    @ninja -C build >build/ready.log 2>&1 || { cat build/ready.log >&2; exit 1; }
