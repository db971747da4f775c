#!/bin/sh
# The installed manual: its pages are sound, and their examples do what they say.
# usage: manual.sh PREFIX DRIVER_DIR SCRATCH_DIR, with CC, CMAKE and PKG_CONFIG, PKG_CONFIG_PATH in the environment.
set -eu
prefix=$1 driver=$2 scratch=$3
man=$prefix/share/man
libdir=$("$PKG_CONFIG" --variable=libdir iommusim)

# example PAGE LANGUAGE NUMBER: the page's example of that language and number.
example() {
	awk -v language="$2" -v number="$3" '
		/^\.\\" example: / { wanted = $3 == language && ++count == number }
		/^\.Ed/ { wanted = inside = 0 }
		inside { gsub(/\\-/, "-"); gsub(/\\e/, "\\"); sub(/^\\&/, ""); print }
		wanted && /^\.Bd/ { inside = 1 }' "$1"
}

echo "-- the manual: a page for each header"
for header in "$prefix"/include/iommusim/*.h; do
	test -s "$man/man3/iommusim_$(basename "$header" .h).3"
done
for page in man1/iommusim.1 man3/iommusim.3 man5/iommusim-trace.5 man7/iommusim.7 man7/iommusim-driver-testing.7; do
	test -s "$man/$page"
done

echo "-- the manual: mandoc"
if command -v mandoc >/dev/null; then
	mandoc -Tlint -W warning "$man"/man?/iommusim*
else
	echo "SKIPPED: there is no mandoc"
fi

echo "-- the manual: stories of iommusim-trace(5)"
number=0
stories=0
while number=$((number + 1)) && example "$man/man5/iommusim-trace.5" text "$number" >"$scratch/story.iommu" &&
	test -s "$scratch/story.iommu"; do
	head -n 1 "$scratch/story.iommu" | grep -q '^#!iommusim 1' || continue
	"$prefix/bin/iommusim" replay "$scratch/story.iommu" >"$scratch/story.out" || {
		cat "$scratch/story.iommu" "$scratch/story.out"
		exit 1
	}
	stories=$((stories + 1))
done
test "$stories" -ge 5
echo "$stories stories"

echo "-- the manual: programs of iommusim(3) and iommusim(7)"
{
	example "$man/man3/iommusim.3" c 1
	echo 'int main(void) { return print_kinds("", 0) != -1; }'
} >"$scratch/three.c"
example "$man/man7/iommusim.7" c 1 >"$scratch/seven.c"
for program in three seven; do
	# shellcheck disable=SC2046 # flags are words
	"$CC" -Wall -Wextra -Werror -o "$scratch/$program" "$scratch/$program.c" $("$PKG_CONFIG" --cflags --libs iommusim)
	LD_LIBRARY_PATH=$libdir "$scratch/$program"
done

echo "-- the manual: the driver's test of iommusim-driver-testing(7)"
if ! "$PKG_CONFIG" --exists iommusim-hooks; then
	echo "SKIPPED: no hooks, or no cmocka"
	exit 0
fi
page=$man/man7/iommusim-driver-testing.7
for bug in "" -DPLANTED_BUG; do
	rm -rf "$scratch/new"
	mkdir "$scratch/new"
	example "$page" cmake 1 >"$scratch/new/CMakeLists.txt"
	example "$page" c 1 >"$scratch/new/test_backend.c"
	cp "$driver/backend.c" "$scratch/new/"
	"$CMAKE" -S "$scratch/new" -B "$scratch/new/build" -DCMAKE_C_COMPILER="$CC" -DCMAKE_C_FLAGS="$bug" \
		-DCMAKE_PREFIX_PATH="$prefix" >"$scratch/new/log" 2>&1 &&
		"$CMAKE" --build "$scratch/new/build" >>"$scratch/new/log" 2>&1 || {
		cat "$scratch/new/log"
		exit 1
	}
	if (cd "$scratch/new/build" && ./test_backend >test.out); then found=no; else found=yes; fi
	if [ -z "$bug" ]; then
		test "$found" = no
	else
		test "$found" = yes
		grep -q "finding missing-invalidation" "$scratch/new/build/test.out"
		grep -q "stale, expected a fault of reason 0x5" "$scratch/new/build/test.out"
	fi
done
