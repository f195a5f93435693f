#!/usr/bin/env bash
# The tests that other crates publish, on the packages that stand in here: `compat/upstream.sh [NAME…]`.
#
# Each crate is fetched from the registry at the version below, copied to target/upstream, patched, and tested with its
# own Cargo.lock. What a published package leaves out (all of ndarray's tests/) cannot run.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD work=$PWD/target/upstream target=$PWD/target/callers # with what the callers depend on
mkdir -p "$work"
export CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off # nearly all the time is the compiler's

# The sources of a crate at a version, as published, in $work/NAME.
sources() {
    local name=$1 version=$2 fetch=$work/fetch-$1
    mkdir -p "$fetch/src"
    : >"$fetch/src/lib.rs"
    printf '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[dependencies]\n%s = "=%s"\n' \
        "$name" "$version" >"$fetch/Cargo.toml"
    cargo fetch --quiet --manifest-path "$fetch/Cargo.toml"
    local manifest
    manifest=$(cargo metadata --quiet --format-version 1 --manifest-path "$fetch/Cargo.toml" |
        grep -o "\"manifest_path\":\"[^\"]*/$name-$version/Cargo.toml\"" | head -1 | cut -d'"' -f4)
    rm -rf "${work:?}/$name"
    cp -r "$(dirname "$manifest")" "$work/$name"
    chmod -R u+w "$work/$name"
}

# Tests a crate with another patched: NAME VERSION "STANDS_IN NEWER…" TEST_ARGUMENTS…; those named after it are taken as new as
# there are.
patched() {
    local name=$1 version=$2 stands_in=${3%% *} updates=$3
    shift 3
    printf '\n-- %s %s on compat/%s: cargo test %s\n' "$name" "$version" "$stands_in" "$*"
    sources "$name" "$version"
    printf '\n[workspace]\n[patch.crates-io]\n%s = { path = "%s/compat/%s" }\n' "$stands_in" "$root" "$stands_in" \
        >>"$work/$name/Cargo.toml"
    (
        cd "$work/$name"
        # shellcheck disable=SC2086 # one word each
        cargo update --quiet $updates
        cargo tree --quiet --edges normal --invert "$stands_in" | grep -F "($root/compat/$stands_in)"
        CARGO_TARGET_DIR=$target cargo test --release "$@"
    )
}

nalgebra() {
    # Not the tests of rotations, whose random cases fail now and then, and have no product that is not nalgebra's own; nor
    # those of what the compiler says about macros: it says something else in every version.
    PROPTEST_RNG_SEED=1 patched nalgebra 0.35.0 "matrixmultiply proptest" --test lib \
        --features arbitrary,compare,debug,io,libm,macros,proptest-support,rand,sparse -- --skip trybuild --skip geometry
}
ndarray() { patched ndarray 0.17.2 matrixmultiply --lib; }
candle() { patched candle-core 0.11.1 gemm --test matmul_tests --test conv_tests --test tensor_tests; }

# The crate that is stood in for has no other to patch: its tests get the package of its name.
matrixmultiply() {
    printf '\n-- matrixmultiply 0.3.11: its own tests, on the package of its name\n'
    sources matrixmultiply 0.3.11
    local tests=$work/matrixmultiply-tests
    rm -rf "$tests"
    mkdir -p "$tests/src"
    : >"$tests/src/lib.rs"
    cp -r "$work/matrixmultiply/tests" "$work/matrixmultiply/testdefs" "$tests"
    printf '%s\n' '[package]' 'name = "matrixmultiply-tests"' 'version = "0.0.0"' 'edition = "2018"' '[workspace]' \
        '[features]' 'cgemm = ["matrixmultiply/cgemm"]' '[dependencies]' \
        "matrixmultiply = { path = \"$root/compat/matrixmultiply\" }" '[dev-dependencies]' 'itertools = "0.15"' \
        >"$tests/Cargo.toml"
    (cd "$tests" && CARGO_TARGET_DIR=$target cargo test --release --features cgemm)
}

for name in "${@:-matrixmultiply ndarray nalgebra candle}"; do
    for crate in $name; do "$crate"; done
done
