#!/bin/sh
# bench/instructions with a callgrind and a program that say what they are told to: what is counted, what grew, what
# is skipped, what is kept.
# usage: instructions.sh SOURCE_DIR SCRATCH_DIR
set -eu
source=$1 scratch=$2
rm -rf "$scratch"
mkdir -p "$scratch/bin" "$scratch/build/bench"
PATH=$scratch/bin:$PATH
IOMMUSIM_INSTRUCTIONS=$scratch/figures.txt
export PATH IOMMUSIM_INSTRUCTIONS SCRATCH="$scratch"

cat >"$scratch/build/bench/bench-operations" <<'END'
#!/bin/sh
case $1 in
--compiler) echo "cc 1.0 here" ;;
--list) printf 'map-page/vtd\nunmap-page/vtd\n' ;;
esac
END
# Of COUNT operations the library takes 1000 + EACH x COUNT: self cost in two places, beside others' and callees'.
cat >"$scratch/bin/valgrind" <<'END'
#!/bin/sh
for word; do
	case $word in --callgrind-out-file=*) out=${word#*=} ;; esac
	name=$count count=$word
done
each=$(cat "$SCRATCH/each-$(echo "$name" | tr / -)")
cat >"$out" <<OUT
ob=(1) /usr/lib/libc.so.6
fn=(1) memcpy
+3 777777
ob=(2) /somewhere/libiommusim.so.0.1.0
fn=(2) map
12 1000
cob=(1)
cfn=(1)
calls=5 3
13 777777
ob=(3) /somewhere/bench-operations
fn=(3) hot_path
1 555
ob=(2)
fn=(4) walk
* $((each * count))
OUT
END
chmod +x "$scratch/build/bench/bench-operations" "$scratch/bin/valgrind"

failed() {
	echo "FAILED: $*"
	cat "$scratch/out"
	exit 1
}
# expect CODE TEXT WORD...: bench/instructions with those words exits with that code and says that.
expect() {
	code=0 wanted=$1 text=$2
	shift 2
	"$source/bench/instructions" "$@" "$scratch/build" >"$scratch/out" 2>&1 || code=$?
	[ "$code" = "$wanted" ] || failed "exit code $code, not $wanted"
	grep -qF -- "$text" "$scratch/out" || failed "it does not say \"$text\""
}

echo 100 >"$scratch/each-map-page-vtd"
echo 50 >"$scratch/each-unmap-page-vtd"
printf '# kept\ncompiler other 9\nmap-page/vtd 1\n' >"$IOMMUSIM_INSTRUCTIONS"
expect 0 "SKIPPED: no figures are committed for cc 1.0 here"
expect 0 "has the figures of cc 1.0 here now" --update
printf '# kept\ncompiler other 9\nmap-page/vtd 1\ncompiler cc 1.0 here\nmap-page/vtd 100.0\nunmap-page/vtd 50.0\n' |
	cmp - "$IOMMUSIM_INSTRUCTIONS"
expect 0 "map-page/vtd                  100.0        100.0    +0.0 %"

echo 105 >"$scratch/each-map-page-vtd" # 5 %: not more
expect 0 "+5.0 %"
echo 106 >"$scratch/each-map-page-vtd"
expect 1 "GREW by more than 5 %: map-page/vtd."
expect 0 "unmap-page/vtd" --only unmap-page
expect 0 "figures" --update --only unmap-page
grep -qx "map-page/vtd 100.0" "$IOMMUSIM_INSTRUCTIONS" || failed "what was not counted is gone"
echo 90 >"$scratch/each-map-page-vtd"
expect 0 "Fewer than before: map-page/vtd."
echo 0 >"$scratch/each-map-page-vtd"
expect 3 "nothing was counted of map-page/vtd"
expect 2 "no operation's name contains \"walk\"" --only walk
expect 2 "usage:" --bogus
rm "$scratch/build/bench/bench-operations"
expect 3 "build it first"
