#!/bin/sh
# Fails when an #include goes against the direction of dependencies:
#
#     tools -> replay -> check -> vmm -> machine <- models
#
# `drivers` (of modelled devices) stands beside vmm, `test` (of kernel drivers) uses public headers alone.
#
# usage: check_layers.sh [ROOT]. Other people's sources (a folder `upstream`) are not looked at.
set -eu
cd "${1:-$(dirname "$0")/..}"

files=$(find libiommusim models tools -name upstream -prune -o -type f \
	\( -name '*.c' -o -name '*.h' -o -name '*.def' \) -print 2>/dev/null | LC_ALL=C sort)

# shellcheck disable=SC2086 # the project's file names hold no blanks
awk '
BEGIN {
	# layer -> the layers it may include, beside itself. `public` is include/iommusim less the headers
	# named after a layer, which belong to that layer; `spec` and `formats` are leaves under models/.
	may["public"] = "machine vmm check replay"
	may["port"] = "public"
	may["spec"] = ""
	may["formats"] = "spec"
	may["machine"] = "port public spec formats"
	may["models"] = "machine port public spec formats"
	may["vmm"] = "machine port public spec formats"
	may["drivers"] = "machine port public spec"
	may["kshim"] = "vmm machine port public spec formats"
	may["test"] = "check vmm machine public"
	may["check"] = "vmm machine port public spec formats"
	may["replay"] = "check drivers vmm machine port public spec formats"
	may["tools"] = "replay check vmm machine port public spec formats"
	for (i = 1; i < ARGC; i++)
		exists[ARGV[i]] = 1
}

function layer(path) {
	if (match(path, /^libiommusim\/include\/iommusim\/(machine|vmm|check|replay)\.h$/)) {
		sub(/.*\//, "", path)
		sub(/\.h$/, "", path)
		return path
	}
	if (path ~ /^libiommusim\/include\//) return "public"
	if (path ~ /^libiommusim\//) { split(path, part, "/"); return part[2] }
	if (path ~ /^models\/[^\/]*\/spec\//) return "spec"
	if (path ~ /^models\/formats\//) return "formats"
	sub(/\/.*/, "", path)
	return path
}

# The folder a description belongs to: models/vtd/spec of models/vtd/spec/registers/CAP.def.
function spec_of(path) { sub(/\/spec\/.*/, "/spec", path); return path }

function without_dots(path) {
	while (sub(/[^\/.][^\/]*\/\.\.\//, "", path) || sub(/(^|\/)\.\//, "/", path)) ;
	return path
}

# The project file an #include means, or "" for one of the system.
function resolve(from, name,    folder, i) {
	folder = from
	sub(/[^\/]*$/, "", folder)
	split(folder "|" "|libiommusim/|libiommusim/include/|tools/", place, "|")
	for (i = 1; i <= 5; i++)
		if (without_dots(place[i] name) in exists)
			return without_dots(place[i] name)
	return ""
}

FNR == 1 { own = layer(FILENAME) }

/^[ \t]*#[ \t]*include[ \t]*["<]/ {
	name = $0
	sub(/^[^"<]*["<]/, "", name)
	sub(/[">].*/, "", name)
	target = resolve(FILENAME, name)
	if (target == "") next
	theirs = layer(target)
	if (theirs != own && index(" " may[own] " ", " " theirs " ") == 0)
		why = own " may not include " theirs
	else if (own == "spec" && spec_of(target) != spec_of(FILENAME) && spec_of(target) != "models/common/spec")
		why = "a description may include only its own folder and models/common/spec"
	else
		next
	printf "%s:%d: includes %s: %s\n", FILENAME, FNR, target, why
	broken = 1
}

END { exit broken }
' $files
