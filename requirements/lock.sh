#!/bin/sh
# Writes the three hash-locked requirement files from pyproject.toml. Needs uv.
set -eu
cd "$(dirname "$0")/.."
lock() {
    out=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-header --group build "$@" pyproject.toml --output-file "requirements/$out.lock"
}
lock node
lock server --extra server
lock dev --extra server --extra dev
