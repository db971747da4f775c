# Reads what `gcov --branch-probabilities --branch-counts --stdout` says of many objects, and prints how
# many lines and branches of models/vtd and models/formats were executed. A header's lines count once,
# whichever of the sources that include it executed them.
#
# -v root=DIR/ (of the tree)  -v missed=FILE (for the lines and branches that were not)

/^ *-: *0:Source:/ {
	file = $0
	sub(/^ *-: *0:Source:/, "", file)
	sub(/^\.\//, "", file)
	if (index(file, root) == 1)
		file = substr(file, length(root) + 1)
	wanted = file ~ /^models\/(vtd|formats)\/[^\/]*\.[ch]$/
	line = 0
	next
}
!wanted { next }
/^ *([0-9]+\*?|#####|=====|-): *[0-9]+:/ {
	split($0, part, ":")
	count = part[1]
	line = part[2] + 0
	branch = 0
	gsub(/[ *]/, "", count)
	if (count == "-") next
	known[file, line] = 1
	if (count ~ /^[0-9]/ && count + 0 > 0) hit[file, line] = 1
	next
}
/^branch +[0-9]+/ {
	branches[file, line, branch] = 1
	if ($3 == "taken" && $4 + 0 > 0) taken[file, line, branch] = 1
	branch++
}

function share(part, whole) { return whole ? sprintf("%5.1f", 100 * part / whole) : "    -" }
function row(name, lh, l, bt, b) {
	printf "%-40s %5d of %5d  %s %%   %5d of %5d  %s %%\n", name, lh, l, share(lh, l), bt, b, share(bt, b)
}

END {
	for (key in known) {
		split(key, k, SUBSEP)
		files[k[1]] = 1
		lines[k[1]]++
		if (key in hit) lines_hit[k[1]]++
		else print k[1] ":" k[2] ": not executed" | ("LC_ALL=C sort -t: -k1,1 -k2,2n >" missed)
	}
	for (key in branches) {
		split(key, k, SUBSEP)
		count_branches[k[1]]++
		if (key in taken) branches_taken[k[1]]++
		else if ((k[1] SUBSEP k[2]) in hit)
			print k[1] ":" k[2] ": branch " k[3] " never taken" | ("LC_ALL=C sort -t: -k1,1 -k2,2n >" missed)
	}
	printf "%-40s %25s   %25s\n", "", "lines", "branches"
	for (f in files) {
		line = sprintf("%s %d %d %d %d", f, lines_hit[f], lines[f], branches_taken[f], count_branches[f])
		all[++n] = line
	}
	# A plain insertion sort: awk has none, and there are two dozen files.
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && all[j] < all[j - 1]; j--) {
			swap = all[j]
			all[j] = all[j - 1]
			all[j - 1] = swap
		}
	for (i = 1; i <= n; i++) {
		split(all[i], k, " ")
		row(k[1], k[2], k[3], k[4], k[5])
		lh += k[2]
		l += k[3]
		bt += k[4]
		b += k[5]
	}
	row("total", lh, l, bt, b)
}
