# Writes the manual page of a public header, in mdoc, from the header's own comments: they are the source, so nothing
# is written twice. The comment before a declaration becomes the text under it.
# line() is of text.awk.
#
# usage: awk -v name=memory -v date="November 22, 2026" -f text.awk -f header.awk libiommusim/include/iommusim/memory.h

function words(text, n, i, word, out) {
	n = split(text, word, " ")
	out = ""
	for (i = 1; i <= n; i++) {
		out = out == "" ? word[i] : out " " word[i]
		# "B.C." and "7:0.0" are no ends: what follows an end begins with a capital or a bracket.
		if (i < n && word[i] ~ /[.?!]["')]?$/ && word[i] !~ /^([A-Za-z]\.)+$/ && word[i + 1] ~ /^["(`\[]?[A-Za-z0-9]/) {
			line(out)
			out = ""
		}
	}
	if (out != "")
		line(out)
}

# A comment: paragraphs are apart by empty lines; lines that are set in stay as they are.
function comment(count, i, paragraph, literal, text) {
	paragraph = ""
	literal = 0
	for (i = 1; i <= count; i++) {
		text = said[i]
		if (text ~ /^   */ || (text ~ /^  /)) {
			if (!literal) {
				words(paragraph)
				paragraph = ""
				print ".Bd -literal -offset indent"
				literal = 1
			}
			sub(/^  /, "", text)
			line(text)
			continue
		}
		if (literal) {
			print ".Ed"
			literal = 0
			if (text != "")
				print ".Pp"
		}
		if (text == "") {
			if (paragraph != "") {
				words(paragraph)
				paragraph = ""
				if (i < count && said[i + 1] !~ /^  /)
					print ".Pp"
			}
			continue
		}
		paragraph = paragraph == "" ? text : paragraph " " text
	}
	words(paragraph)
	if (literal)
		print ".Ed"
}

function flush_block(i) {
	if (declared > 0) {
		print ".Bd -literal"
		for (i = 1; i <= declared; i++)
			line(declaration[i])
		print ".Ed"
		if (saying > 0) {
			print ".Pp"
			comment(saying)
		}
	}
	declared = saying = 0
}

function heading(text) {
	flush_block()
	text = toupper(substr(text, 1, 1)) substr(text, 2)
	print ".Ss " escape(text)
}

BEGIN {
	title = toupper("IOMMUSIM_" name)
	state = "head"
}

# ---- the first comment: what the header is for ----
state == "head" {
	if ($0 ~ /^\/\*/) {
		sub(/^\/\*[ ]?/, "")
		in_head = 1
	}
	if (!in_head)
		next
	done = $0 ~ /\*\//
	sub(/[ ]*\*\/.*/, "")
	sub(/^ \* ?/, "")
	sub(/^ \*$/, "")
	if ($0 != "" || (!done && saying > 0))
		said[++saying] = $0
	if (!done)
		next
	whole = ""
	for (i = 1; i <= saying && said[i] != ""; i++)
		whole = whole == "" ? said[i] : whole " " said[i]
	purpose = whole
	sub(/[.:] .*/, "", purpose)
	sub(/[.:]$/, "", purpose)
	print ".\\\" Written by docs/man/header.awk from iommusim/" name ".h."
	print ".Dd " date
	print ".Dt " title " 3"
	print ".Os"
	print ".Sh NAME"
	print ".Nm iommusim_" name
	purpose = tolower(substr(purpose, 1, 1)) substr(purpose, 2)
	if (purpose ~ /^(aCPI|pCI|dMA|mMIO|aMD|vT)/)
		purpose = toupper(substr(purpose, 1, 1)) substr(purpose, 2)
	print ".Nd " escape(purpose)
	print ".Sh SYNOPSIS"
	print ".In iommusim/" name ".h"
	print ".Sh DESCRIPTION"
	comment(saying)
	saying = 0
	state = "body"
	next
}

/^#ifdef __cplusplus/ { skipping = 1 }
skipping { if ($0 ~ /^#endif/) skipping = 0; next }
/^#(ifndef|define) IOMMUSIM_[A-Z_]*_H$/ || /^#include/ || /^#endif/ || /^\/\* clang-format/ { next }

# ---- headings, comments, declarations ----
!in_declaration && /^\/\* ---- .* -+ \*\/$/ {
	text = $0
	sub(/^\/\* ---- /, "", text)
	sub(/ -+ \*\/$/, "", text)
	heading(text)
	next
}
!in_declaration && !in_comment && /^\/\*/ {
	flush_block()
	in_comment = 1
	sub(/^\/\* ?/, "")
	if ($0 == "")
		next
	first = 1
}
in_comment {
	ends = $0 ~ /\*\//
	sub(/[ ]*\*\/.*/, "")
	if (!first)
		sub(/^ \* ?/, "")
	first = 0
	if ($0 != "" || (!ends && saying > 0))
		said[++saying] = $0
	if (ends)
		in_comment = 0
	next
}
$0 == "" && !in_declaration {
	flush_block()
	next
}
{
	sub(/^IOMMUSIM_API /, "")
	gsub(/\t/, "    ")
	declaration[++declared] = $0
	depth += gsub(/[{(]/, "&") - gsub(/[})]/, "&")
	in_declaration = depth > 0 || $0 ~ /\\$/ || $0 !~ /[;}]$|^#/
	next
}

END {
	flush_block()
	print ".Sh SEE ALSO"
	print ".Xr iommusim 3 ,"
	if (name ~ /^(test|kshim)/) {
		print ".Xr iommusim 7 ,"
		print ".Xr iommusim-driver-testing 7"
	} else {
		print ".Xr iommusim 7"
	}
}
