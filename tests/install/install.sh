#!/bin/sh
# usage: install.sh BUILD_DIR SCRATCH_DIR, with CC, CMAKE and PKG_CONFIG in the environment.
# Every line must succeed; what a failing one printed is in the test's output.
set -eu
build=$1 scratch=$2
consumer=$(dirname "$0")/consumer
prefix="$scratch/a prefix" # with a blank: whoever forgets quotes is found here

rm -rf "$scratch"
mkdir -p "$scratch"
"$CMAKE" --install "$build" --prefix "$prefix" >"$scratch/install.log"
# From here on the prefix has moved: nothing in it may remember where it was installed.
mv "$prefix" "$scratch/moved"
prefix=$scratch/moved

echo "-- every header stands alone"
for header in "$prefix"/include/iommusim/*.h; do
	printf '#include <iommusim/%s>\nextern int something;\n' "$(basename "$header")" >"$scratch/header.c"
	"$CC" -std=c11 -pedantic -Wall -Wextra -Werror -fsyntax-only -I"$prefix/include" "$scratch/header.c"
done

echo "-- nothing names the tree it came from"
if grep -rlF -e "$build" "$prefix/include" "$prefix"/lib*/cmake "$prefix"/lib*/pkgconfig "$prefix/share" 2>/dev/null; then
	exit 1
fi

echo "-- pkg-config, shared"
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name iommusim.pc)")
export PKG_CONFIG_PATH
libdir=$("$PKG_CONFIG" --variable=libdir iommusim)
# shellcheck disable=SC2046 # flags are words
"$CC" -o "$scratch/shared" "$consumer/consumer.c" $("$PKG_CONFIG" --cflags --libs iommusim)
LD_LIBRARY_PATH=$libdir "$scratch/shared"

echo "-- pkg-config, static"
# shellcheck disable=SC2046
"$CC" -o "$scratch/static" "$consumer/consumer.c" $("$PKG_CONFIG" --cflags iommusim) \
	$("$PKG_CONFIG" --static --libs iommusim | sed "s|-liommusim |$libdir/libiommusim.a |")
"$scratch/static"

echo "-- find_package"
"$CMAKE" -S "$consumer" -B "$scratch/consumer" -DCMAKE_PREFIX_PATH="$prefix" >"$scratch/consumer.log"
"$CMAKE" --build "$scratch/consumer" >>"$scratch/consumer.log"
"$scratch/consumer/consumer_iommusim"
"$scratch/consumer/consumer_static"

echo "-- the command and its manual"
"$prefix/bin/iommusim" --version
"$prefix/bin/iommusim" help
test -s "$prefix/share/man/man1/iommusim.1"
test -s "$prefix/share/man/man3/iommusim.3"
