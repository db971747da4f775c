#!/bin/sh
# Fails when the built library exports a symbol that does not begin with iommusim_, from the shared
# library or the static one, or holds process-wide mutable state.
#
# usage: check_symbols.sh BUILD_DIR   (a release build: sanitizers add globals of their own)
set -eu
folder=$1/libiommusim
nm=${NM:-nm}
status=0

complain() { # complain HEADING LINES
	[ -z "$2" ] || {
		printf '%s:\n%s\n' "$1" "$2"
		status=1
	}
}

exported=$("$nm" -D --defined-only "$folder/libiommusim.so" | awk 'NF { print $NF }')
[ -n "$exported" ] || complain "libiommusim.so" "  exports nothing"
# _init and the like are put there by some linkers, not by the library.
complain "libiommusim.so exports names that do not begin with iommusim_" "$(echo "$exported" |
	grep -vE '^(iommusim_|_init$|_fini$|__bss_start$|_edata$|_end$)' || :)"

complain "libiommusim.a shows names that do not begin with iommusim_" "$(
	"$nm" -g --defined-only "$folder/libiommusim.a" | awk 'NF == 3 && $3 !~ /^iommusim_/ { print $3 }'
)"

# Tables of constants with pointers in them are in .data.rel.ro, which is read-only once loaded. Whatever
# is in another data section can change, and everything in this library hangs on a machine instead.
complain "variables that are not part of a machine" "$(
	"$nm" -f sysv "$folder/libiommusim.a" | awk -F '|' '
		{ gsub(/ /, "", $1); gsub(/ /, "", $4); gsub(/ /, "", $7) }
		($4 == "OBJECT" || $4 == "TLS" || $7 == "*COM*") &&
		    $7 ~ /^\.(data|bss|tdata|tbss)|COM/ && $7 !~ /^\.data\.rel\.ro/ { print $1 " in " $7 }'
)"
exit $status
