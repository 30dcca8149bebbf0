#!/usr/bin/env bash
# Provides CPython interpreters that this machine's distribution does not carry, to run straight on it, with no chroot.
#
#   get_pythons.sh DEST TAG...        leaves DEST/TAG/bin/pythonX.Y[t], headers, standard library, test package
#   get_pythons.sh --needs TAG...     prints the Debian packages that must be installed first, one a line
#
#   3.14, 3.15 ...  binaries of a newer Debian suite, unpacked beside the C library they were linked with;
#                   bin/pythonX.Y is patched to use that one, so a tree must not be moved
#   3.13t ...       free-threaded, built here from a Debian source package on the machine's own C library (minutes)
#
# Packages come from the mirror that apt uses here, through an apt of our own: the machine's package state is not
# touched. A tree that is there and works is left alone. Environment:
#   UNLEAK_DOWNLOADS   downloads and finished builds (default ~/.cache/unleak/downloads)
#   UNLEAK_MIRROR      a Debian mirror, where apt's own is none
#   UNLEAK_SOURCES     a folder with Python-X.Y.Z.tar.*, used before the mirror's source packages
set -euo pipefail

REVISION=1 # of the trees: raise it when what this script makes of a package changes
SUITES="sid testing stable"

say() { printf 'get_pythons: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
usage() { die "usage: ${0##*/} DEST TAG... | --needs TAG..., a TAG being X.Y, or X.Yt for a free-threaded build"; }

# ---- a private apt ------------------------------------------------------------------------------------------------

# What the packages would draw in and no interpreter needs: the private apt believes them installed.
NOT_NEEDED="ca-certificates debconf libc6-dev libexpat1-dev zlib1g-dev media-types net-tools netbase openssl tzdata"

private_apt() { APT_CONFIG=$APT/apt.conf apt-get -qq "$@"; }

mirror() { # -> address of the mirror that apt uses for this machine's own suite
  local codename
  if [ -n "${UNLEAK_MIRROR:-}" ]; then echo "$UNLEAK_MIRROR"; return; fi
  codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  # shellcheck disable=SC2016  # apt fills these in
  apt-get indextargets --no-release-info --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v codename="$codename" '$3 == "main" && $2 == codename { print $1; exit }'
}

write_sources() { # SUITE
  local url keyring signed
  url=$(mirror)
  [ -n "$url" ] || die "apt names no mirror of this machine's suite: set UNLEAK_MIRROR to a Debian mirror"
  keyring=$(dpkg -L debian-archive-keyring 2>/dev/null | grep -m1 '/debian-archive-keyring\.[a-z]*$' || true)
  signed=${keyring:+"[signed-by=$keyring] "}
  printf '%s %s%s %s main\n' deb "$signed" "$url" "$1" deb-src "$signed" "$url" "$1" >"$APT/sources.list.new"
  cmp -s "$APT/sources.list" "$APT/sources.list.new" || rm -f "$APT/updated"
  mv "$APT/sources.list.new" "$APT/sources.list"
}

write_config() { # of the machine's settings only those of the download (proxy and the like) are taken
  apt-config dump | grep '^Acquire::' | grep -vE '^Acquire::(IndexTargets|CompressionTypes|Changelogs|Languages|cdrom)'
  cat <<CONF
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
APT::Sandbox::User "";
APT::Install-Recommends "false";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourcelist "$APT/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State "$APT";
Dir::State::status "$APT/status";
Dir::Cache "$APT";
CONF
}

write_status() {
  local name
  for name in $NOT_NEEDED; do
    printf 'Package: %s\nStatus: install ok installed\nArchitecture: %s\nMulti-Arch: allowed\n' "$name" "$ARCH"
    printf 'Maintainer: none\nVersion: 999:0\nDescription: stand-in\n\n'
  done
}

use_suite() { # SUITE -> APT, the folder of its private apt; fails where its lists cannot be had
  APT=$DOWNLOADS/apt-$1-$ARCH
  [[ " ${READY:-} " != *" $1 "* ]] || return 0
  mkdir -p "$APT/lists/partial" "$APT/archives/partial"
  write_sources "$1"
  write_config >"$APT/apt.conf"
  write_status >"$APT/status"
  if [ -z "$(find "$APT" -maxdepth 1 -name updated -mmin -1440)" ]; then
    say "reading the package lists of $1"
    if private_apt update; then
      touch "$APT/updated"
    else
      [ -f "$APT/updated" ] || return 1
      say "going on with older lists of $1"
    fi
  fi
  READY="${READY:-} $1"
}

# ---- is a tree as it should be ------------------------------------------------------------------------------------

SANITY='
import sys, os, ssl, sqlite3, ctypes, lzma, bz2, zlib, hashlib, uuid, decimal, readline, curses, venv, sysconfig
tag, prefix = sys.argv[1], sys.argv[2]
assert "%d.%d" % sys.version_info[:2] == tag.rstrip("t"), sys.version
assert os.path.realpath(sys.prefix) == prefix, sys.prefix
assert bool(sysconfig.get_config_var("Py_GIL_DISABLED")) == tag.endswith("t")
assert ctypes.CDLL(None).Py_IsInitialized() == 1
assert sqlite3.connect(":memory:").execute("select 1").fetchone() == (1,)
ssl.create_default_context(); lzma.decompress(lzma.compress(b"x"))
include = os.path.realpath(sysconfig.get_paths()["include"])
assert include.startswith(prefix) and os.path.exists(include + "/pyconfig.h"), include
assert os.path.exists(include + "/internal/pycore_runtime.h"), include
print(sys.version.split()[0])
'

check() { # TAG -> prints the complete version, or fails
  env -u PYTHONHOME -u PYTHONPATH "$DEST/$1/bin/python$1" -I -c "$SANITY" "$1" "$DEST/$1"
}

up_to_date() { # TAG
  [ "$(cat "$DEST/$1/.get-pythons" 2>/dev/null)" = "$REVISION $DEST/$1" ] && check "$1" >/dev/null 2>&1
}

finish() { # TAG STAGED_TREE: moves the tree to its place and checks it there
  local version
  echo "$REVISION $DEST/$1" >"$2/.get-pythons"
  rm -rf "${DEST:?}/$1"
  mv "$2" "$DEST/$1"
  if ! version=$(check "$1"); then
    rm -f "$DEST/$1/.get-pythons"
    die "$1: the finished interpreter fails its checks (see above)"
  fi
  say "$1: $version is ready, $(du -sm "$DEST/$1" | cut -f1) MB"
}

# ---- Debian's binaries --------------------------------------------------------------------------------------------

fetch_packages() { # SUITE X.Y -> DEBS, the file names
  local names=("python$2" "python$2-venv" "libpython$2" "libpython$2-dev" "libpython$2-testsuite" 'libstdc++6' patchelf)
  use_suite "$1" || return 1
  say "$2: fetching the packages of $1"
  private_apt -y --download-only install "${names[@]}" || return 1
  # Asked with an empty archive, apt names every file.
  DEBS=$(private_apt -y -o Dir::Cache::archives="$APT/none" --print-uris install "${names[@]}" |
    sed -n "s/^'[^']*' \([^ ]*\.deb\) .*/\1/p")
  [ -n "$DEBS" ]
}

unpack_packages() { # FOLDER
  local deb
  for deb in $DEBS; do
    dpkg-deb --fsys-tarfile "$APT/archives/$deb" |
      tar -x -C "$1" --exclude='./usr/share/doc*' --exclude='./usr/share/man*' --exclude='./usr/share/lintian*' \
        --exclude='./usr/share/locale*' --exclude='./usr/lib/*/gconv*'
  done
}

# Lets TREE/bin/pythonX.Y use the C library of its own tree. DT_RPATH, not DT_RUNPATH: it serves the libraries' own
# needs too. The path first, then the loader: in one call, or the other way round, patchelf 0.17 and 0.18 leave
# overlapping segments. patchelf comes from the same suite, so it runs on the unpacked C library itself.
use_own_libc() { # TREE X.Y LOADER ROOT
  local lib patchelf
  lib=$(dirname "$3")
  patchelf=("$3" --library-path "$lib" "$1/bin/patchelf")
  "${patchelf[@]}" --force-rpath --set-rpath "$4${lib#"$1"}" "$1/bin/python$2"
  "${patchelf[@]}" --set-interpreter "$4${3#"$1"}" "$1/bin/python$2"
  rm -f "$1/bin/patchelf"
  rm -f "$lib"/libthread_db* # the machine's gdb cannot load it, and says so at length
}

# What says /usr: the recorded build settings, which compilers of extensions and ensurepip read; and the ban on pip.
relocate() { # TREE X.Y TRIPLET ROOT
  find "$1/lib/python$2" "$1/lib/$3/pkgconfig" "$1/bin" -type f \( -name '_sysconfig*' -o -name 'build-details*' \
    -o -name Makefile -o -name '*.pc' -o -name '*-config' \) -print0 |
    xargs -0 sed -i -E \
      "s#(^|[\"' :=])/usr(/(bin/python|include/python|lib/python|lib/$3|share/python-wheels)|[\"']|\$)#\\1$4\\2#g"
  rm -f "$1/lib/python$2/EXTERNALLY-MANAGED"
  # pyconfig.h only includes the one of the machine type, by a path that compilers know under /usr alone.
  if [ -f "$1/include/$3/python$2/pyconfig.h" ]; then
    cp --remove-destination "$1/include/$3/python$2/pyconfig.h" "$1/include/python$2/pyconfig.h"
  fi
}

link_shared() { # TREE X.Y LOADER ROOT: pythonX.Y-shared, which has its runtime in libpythonX.Y.so
  local lib
  lib=$(dirname "$3")
  command -v cc >/dev/null || return 0
  printf '#include <Python.h>\nint main(int argc, char **argv) { return Py_BytesMain(argc, argv); }\n' |
    cc -O2 -x c - -I"$1/include/python$2" -L"$lib" -lpython"$2" -o "$1/bin/python$2-shared" \
      -Wl,--dynamic-linker="$4${3#"$1"}" -Wl,--disable-new-dtags,-rpath,"$4${lib#"$1"}" -Wl,--allow-shlib-undefined
}

from_binaries() { # X.Y
  local suite tree loader triplet
  DEBS=
  for suite in $SUITES; do
    fetch_packages "$suite" "$1" && break
    DEBS=
  done
  [ -n "$DEBS" ] || die "$1: its packages cannot be had from any of: $SUITES"
  WORK=$(mktemp -d "$DEST/.work.XXXXXX")
  unpack_packages "$WORK"
  tree=$WORK/usr
  loader=$(find "$tree"/lib*/ -maxdepth 2 -name 'ld-linux*.so.*' -type f | head -n 1)
  [ -x "$tree/bin/python$1" ] && [ -n "$loader" ] || die "$1: the packages hold no interpreter, or no loader"
  triplet=$(basename "$(dirname "$loader")")
  use_own_libc "$tree" "$1" "$loader" "$DEST/$1"
  relocate "$tree" "$1" "$triplet" "$DEST/$1"
  ln -sf "python$1" "$tree/bin/python3"
  link_shared "$tree" "$1" "$loader" "$DEST/$1"
  finish "$1" "$tree"
  rm -rf "$WORK"
}

# ---- from source --------------------------------------------------------------------------------------------------

# Header and the Debian package that has it, for the modules that the checks import.
HEADERS="openssl/ssl.h:libssl-dev sqlite3.h:libsqlite3-dev ffi.h:libffi-dev lzma.h:liblzma-dev bzlib.h:libbz2-dev
  zlib.h:zlib1g-dev readline/readline.h:libreadline-dev curses.h:libncurses-dev uuid/uuid.h:uuid-dev"

needs() { # TAG -> packages that must be installed before, one a line
  local pair
  [[ $1 == *t ]] || return 0
  command -v cc >/dev/null && command -v make >/dev/null || echo build-essential
  for pair in $HEADERS; do
    printf '#include <stdio.h>\n#include <%s>\n' "${pair%%:*}" | cc -E -o /dev/null - 2>/dev/null || echo "${pair##*:}"
  done
}

newest_source() { # FOLDER X.Y -> SOURCE
  SOURCE=$(find "$1" -maxdepth 1 -type f \( -name "Python-$2.*.tar.*" -o -name "python$2_*.orig.tar.*" \) \
    ! -name '*.asc' 2>/dev/null | sort -V | tail -n 1)
  [ -n "$SOURCE" ]
}

fetch_source() { # X.Y -> SOURCE, an archive
  local suite version
  if [ -n "${UNLEAK_SOURCES:-}" ] && newest_source "$UNLEAK_SOURCES" "$1"; then return; fi
  if newest_source "$DOWNLOADS/src" "$1"; then return; fi
  for suite in $SUITES; do
    use_suite "$suite" || continue
    # Not only the newest: a mirror may list sources that it has dropped.
    for version in $(APT_CONFIG=$APT/apt.conf apt-cache showsrc --only-source "python$1" 2>/dev/null |
      sed -n 's/^Version: //p' | sort -rVu); do
      say "$1: fetching the source package $version of $suite"
      (cd "$DOWNLOADS/src" && private_apt --download-only source "python$1=$version") || continue
      ! newest_source "$DOWNLOADS/src" "$1" || return 0
    done
  done
  return 1
}

cached_build() { # TAG -> the newest finished build of it for this machine's C library
  find "$DOWNLOADS/built" -maxdepth 1 -regextype posix-extended \
    -regex ".*/r$REVISION-cpython-${1%t}\.[0-9]+([abrc]+[0-9]+)?t-$ARCH-$LIBC\.tar\.gz" | sort -V | tail -n 1
}

unpack_build() { # TAG ARCHIVE: only texts hold the old place, the interpreter finds its files by its own
  local old
  say "$1: unpacking ${2##*/}"
  WORK=$(mktemp -d "$DEST/.work.XXXXXX")
  tar -xzf "$2" -C "$WORK"
  old=$(cat "$WORK/.prefix")
  if [ "$old" != "$DEST/$1" ]; then
    echo "$DEST/$1" >"$WORK/.prefix"
    grep -rlIF --exclude-dir=test --exclude-dir=include "$old" "$WORK" | xargs -r sed -i "s|$old|$DEST/$1|g"
  fi
  finish "$1" "$WORK"
}

build() { # TAG LOG: from SOURCE into WORK/out
  mkdir "$WORK/src" "$WORK/out"
  tar -xf "$SOURCE" -C "$WORK/src" --strip-components=1
  # COMPILEALL_OPTS=-h leaves out three byte-code passes over the library.
  (cd "$WORK/src" && ./configure --prefix="$DEST/$1" --with-ensurepip=no --without-static-libpython --disable-gil \
    OPT='-O2 -DNDEBUG -Wall' && make -j"$(nproc)" && make altinstall DESTDIR="$WORK/out" COMPILEALL_OPTS=-h) >"$2" 2>&1
}

from_source() { # TAG
  local archive version missing
  mkdir -p "$DOWNLOADS/src" "$DOWNLOADS/built"
  archive=$(cached_build "$1")
  if [ -n "$archive" ]; then unpack_build "$1" "$archive"; return; fi
  missing=$(needs "$1" | tr '\n' ' ')
  [ -z "$missing" ] || die "$1: packages are missing. As root: apt-get install $missing"
  fetch_source "${1%t}" || die "$1: its source cannot be had from any of: $SUITES (UNLEAK_SOURCES can name a folder)"
  version=$(basename "$SOURCE" | sed -E 's/^[^-_]*[-_]//; s/(\.orig)?\.tar\..*//')
  archive=$DOWNLOADS/built/r$REVISION-cpython-${version}t-$ARCH-$LIBC.tar.gz
  say "$1: building $version on $(nproc) CPUs (minutes; log: $DOWNLOADS/built/$1.log)"
  WORK=$(mktemp -d "$DEST/.work.XXXXXX")
  if ! build "$1" "$DOWNLOADS/built/$1.log"; then
    tail -n 25 "$DOWNLOADS/built/$1.log" >&2
    die "$1: the build failed; the whole log is $DOWNLOADS/built/$1.log"
  fi
  echo "$DEST/$1" >"$WORK/out$DEST/$1/.prefix"
  ln -sf "python$1" "$WORK/out$DEST/$1/bin/python3"
  tar -czf "$archive.part" -C "$WORK/out$DEST/$1" .
  finish "$1" "$WORK/out$DEST/$1"
  mv "$archive.part" "$archive"
  rm -rf "$WORK"
}

# ---- main ---------------------------------------------------------------------------------------------------------

[ $# -ge 2 ] || usage
TARGET=$1
shift
for tag; do [[ $tag =~ ^3\.[0-9]+t?$ ]] || usage; done
if [ "$TARGET" = --needs ]; then
  for tag; do needs "$tag"; done
  exit
fi
[[ $TARGET != -* ]] || usage
for name in apt-get apt-config dpkg dpkg-deb tar flock; do
  command -v $name >/dev/null || die "'$name' not found: this needs a Debian-like machine"
done

mkdir -p "$TARGET"
DEST=$(cd "$TARGET" && pwd -P)
DOWNLOADS=${UNLEAK_DOWNLOADS:-${HOME:?}/.cache/unleak/downloads}
mkdir -p "$DOWNLOADS"
DOWNLOADS=$(cd "$DOWNLOADS" && pwd -P)
ARCH=$(dpkg --print-architecture)
LIBC=libc$(ldd --version | sed -n '1s/.* //p')
WORK=
trap '[ -z "$WORK" ] || rm -rf "$WORK"' EXIT
exec 9>"$DOWNLOADS/lock"
flock 9 # one run at a time on one set of downloads

for tag; do
  if up_to_date "$tag"; then
    say "$tag: $(check "$tag") is there already"
  elif [[ $tag == *t ]]; then
    from_source "$tag"
  else
    from_binaries "$tag"
  fi
done
