#!/bin/sh
# docs: the reference pages, the finding pages and the description shown in the docs are up to date.
# usage: check.sh IOMMUSIM SOURCE_DIR
set -u
iommusim=$1 source=$2 failed=0

complain() {
	echo "FAILED: $*"
	failed=1
}

scratch=$(mktemp) || exit 1
blocks=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch" "$blocks"' EXIT

for vendor in vtd amdvi; do
	"$iommusim" spec $vendor >"$scratch" || complain "iommusim spec $vendor"
	diff "$source/docs/reference/$vendor.md" "$scratch" || complain \
		"docs/reference/$vendor.md: write it anew with 'iommusim spec $vendor > docs/reference/$vendor.md'"
done

for id in $(sed -n 's/.*X([A-Z_]*, "\([a-z-]*\)".*/\1/p' "$source/libiommusim/include/iommusim/findings.h"); do
	[ -f "$source/docs/findings/$id.md" ] || complain "finding $id has no page docs/findings/$id.md"
	grep -q "^| \[$id\]($id.md) |" "$source/docs/findings/README.md" ||
		complain "finding $id has no row in docs/findings/README.md"
done
for page in "$source"/docs/findings/*.md; do
	id=$(basename "$page" .md)
	[ "$id" = README ] && continue
	grep -q "\"$id\"" "$source/libiommusim/include/iommusim/findings.h" ||
		complain "docs/findings/$id.md is about no finding"
done

for folder in "$source"/scenarios/*/; do
	name=$(basename "$folder")
	[ "$name" = boards ] && continue
	[ -f "$folder/README.md" ] || complain "scenarios/$name has no page"
	grep -q "\[$name\]($name/README.md)" "$source/scenarios/README.md" ||
		complain "scenarios/README.md does not name $name"
done

# The description that specification-as-data.md shows is the file itself.
sed -n '/^```c$/,/^```$/p' "$source/docs/specification-as-data.md" | sed '1d;$d' >"$scratch"
diff "$source/models/vtd/spec/entries/context_entry.def" "$scratch" ||
	complain "docs/specification-as-data.md shows another context_entry.def than there is"

# What a page shows is what the command prints: each block behind a "prints:" comment, word for word. The
# first block of README that begins with #!iommusim is the story README.iommu.
check_page() {
	page=$1
	rm -f "$blocks"/*
	awk -v dir="$blocks" '
		/^<!-- prints: / { sub(/^<!-- prints: /, ""); sub(/ -->$/, ""); command = $0; next }
		/^```/ {
			if (!inside) { inside = 1; n++; file = dir "/" n ".text"; if (command != "") print command > (dir "/" n ".command"); next }
			inside = 0; command = ""; close(file); next
		}
		inside { print > file }' "$source/$page"
	for text in "$blocks"/*.text; do
		[ "$(head -c 10 "$text")" = "#!iommusim" ] && cp "$text" "$blocks/README.iommu"
	done
	for command in "$blocks"/*.command; do
		shown=$(cat "${command%.command}.text")
		# shellcheck disable=SC2046 # the words of the command are meant to be split
		printed=$(cd "$source" && "$iommusim" $(sed "s|README.iommu|$blocks/README.iommu|" "$command") 2>"$scratch")
		case $printed in
		*"$shown"*) ;;
		*) complain "$page shows what 'iommusim $(cat "$command")' does not print:" && printf '%s\n' "$shown" ;;
		esac
	done
}
check_page README.md
check_page docs/capture/README.md
check_page docs/compare.md

# ... and what the ftrace example says on standard error.
(cd "$source" && "$iommusim" import ftrace tests/import/samples/linux.trace 2>"$scratch" >/dev/null)
sed -n '/^and on standard error$/,/^Linux/p' "$source/docs/capture/README.md" | sed -n '/^```$/,/^```$/{/^```$/d;p;}' |
	diff - "$scratch" || complain "docs/capture/README.md shows other messages than there are"

[ "$failed" = 0 ] && echo "docs: all up to date"
exit "$failed"
