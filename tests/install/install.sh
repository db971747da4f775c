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

echo "-- what messages and pages call docs/..., and no flag of another compiler beside gcc's warnings"
test -s "$prefix/share/doc/iommusim/findings/missing-invalidation.md"
test -s "$prefix/share/doc/iommusim/interception.md"
if grep -rq unused-command-line "$prefix"/lib*/cmake; then
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

# The sample driver: right, its tests pass; with its bug, the one test that can see it fails and says what it saw.
judge() { # judge PROGRAM BUGGY_PROGRAM
	"$1" >"$scratch/right.out" 2>&1 || { cat "$scratch/right.out"; exit 1; }
	if "$2" >"$scratch/buggy.out" 2>&1; then
		echo "the planted bug was not found"
		exit 1
	fi
	grep -q '\[       OK \] guest_memory_is_reached' "$scratch/buggy.out"
	grep -q '\[  FAILED  \] guest_page_is_gone_after_unmap' "$scratch/buggy.out"
	grep -q 'finding missing-invalidation' "$scratch/buggy.out" || { cat "$scratch/buggy.out"; exit 1; }
}

driver=$(dirname "$0")/driver
for generator in "Unix Makefiles" Ninja; do
	for compiler in gcc clang; do
		if ! command -v "$compiler" >/dev/null || { [ "$generator" = Ninja ] && ! command -v ninja >/dev/null; }; then
			echo "-- a driver's tests, $compiler, $generator: SKIPPED, not here"
			continue
		fi
		echo "-- a driver's tests, $compiler, $generator"
		rm -rf "$scratch/driver"
		"$CMAKE" -G "$generator" -S "$driver" -B "$scratch/driver" -DCMAKE_C_COMPILER="$compiler" \
			-DCMAKE_PREFIX_PATH="$prefix" >"$scratch/driver.log" 2>&1 || { cat "$scratch/driver.log"; exit 1; }
		"$CMAKE" --build "$scratch/driver" >>"$scratch/driver.log" 2>&1 || { cat "$scratch/driver.log"; exit 1; }
		for access in hooks traps; do
			if [ -x "$scratch/driver/test_$access" ]; then
				judge "$scratch/driver/test_$access" "$scratch/driver/test_buggy_$access"
			else
				grep "Skipped: test_$access" "$scratch/driver.log" # says why, or the test fails here
			fi
		done
	done
done

echo "-- a driver's tests, pkg-config"
if "$PKG_CONFIG" --exists iommusim-hooks; then
	case $("$CC" --version) in
	*clang*) hooks=$("$PKG_CONFIG" --variable=hooks_clang iommusim-kshim) ;;
	*) hooks=$("$PKG_CONFIG" --variable=hooks_gcc iommusim-kshim) ;;
	esac
	for bug in "" -DPLANTED_BUG; do
		# shellcheck disable=SC2046,SC2086 # flags are words
		"$CC" $("$PKG_CONFIG" --cflags iommusim-kshim) $hooks $bug -c -o "$scratch/backend.o" "$driver/backend.c"
		# shellcheck disable=SC2046
		"$CC" -o "$scratch/test$bug" "$driver/test_backend.c" "$scratch/backend.o" \
			$("$PKG_CONFIG" --cflags --libs iommusim-hooks)
	done
	LD_LIBRARY_PATH=$libdir judge "$scratch/test" "$scratch/test-DPLANTED_BUG"
fi

echo "-- the command and its manual"
"$prefix/bin/iommusim" --version
"$prefix/bin/iommusim" help
CMAKE=$CMAKE sh "$(dirname "$0")/manual.sh" "$prefix" "$driver" "$scratch"
