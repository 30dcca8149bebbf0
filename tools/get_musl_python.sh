#!/usr/bin/env bash
# Builds a CPython on the C library musl, for tests/capture/test_odd_targets.py.
#
#   get_musl_python.sh DEST SOURCE     SOURCE: Python-3.Y.Z.tar.*; leaves DEST/bin/python3.Y and its library, DEST/lib/python3.Y
#
# Needs Debian's musl-tools, a finished CPython 3.Y in PATH as python3.Y (or in $BUILD_PYTHON) and some minutes. Only what is
# linked into the interpreter is built: no ssl, no ctypes. The tests look in ~/.cache/unleak/pythons/musl ($UNLEAK_PYTHONS).
set -euo pipefail

[ $# = 2 ] || { echo "usage: ${0##*/} DEST SOURCE" >&2; exit 2; }
command -v musl-gcc >/dev/null || { echo "musl-gcc is missing: apt-get install musl-tools" >&2; exit 1; }
mkdir -p "$1"
DEST=$(cd "$1" && pwd -P)
MINOR=$(basename "$2" | sed -nE 's/^[Pp]ython-?([0-9.]+_)?(3\.[0-9]+)\..*/\2/p')
[ -n "$MINOR" ] || { echo "$2: its name does not tell the version" >&2; exit 2; }
WORK=$(mktemp -d "$DEST/.work.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
mkdir "$WORK/source" "$WORK/build" "$WORK/headers"
tar -xf "$2" -C "$WORK/source" --strip-components=1

# The kernel's headers are not among those of musl; configure compares the compiler's idea of the platform with its own.
for name in linux asm-generic; do ln -s "/usr/include/$name" "$WORK/headers/$name"; done
ln -s "/usr/include/$(uname -m)-linux-gnu/asm" "$WORK/headers/asm"
cat >"$WORK/cc" <<CC
#!/bin/sh
for word; do [ "\$word" != --print-multiarch ] || exec echo $(uname -m)-linux-musl; done
exec musl-gcc -I$WORK/headers "\$@"
CC
chmod +x "$WORK/cc"

cd "$WORK/build"
../source/configure --build="$(uname -m)-linux-gnu" --host="$(uname -m)-linux-musl" CC="$WORK/cc" --prefix="$DEST" \
  --with-build-python="${BUILD_PYTHON:-python$MINOR}" --disable-test-modules --disable-ipv6 --without-ensurepip \
  ac_cv_file__dev_ptmx=yes ac_cv_file__dev_ptc=no >configure.log 2>&1 || { tail -n 5 configure.log >&2; exit 1; }
make -j"$(nproc)" python >make.log 2>&1 || { tail -n 25 make.log >&2; exit 1; }
mkdir -p "$DEST/bin" "$DEST/lib"
rm -rf "$DEST/lib/python$MINOR" "$WORK/source/Lib/test" "$WORK/source/Lib/idlelib"
cp -a "$WORK/source/Lib" "$DEST/lib/python$MINOR"
mkdir -p "$DEST/lib/python$MINOR/lib-dynload" # nothing is in it, but the interpreter says so where it is missing
cp python "$DEST/bin/python$MINOR"
"$DEST/bin/python$MINOR" -c 'import sys; print(sys.version)'
