# Writes a manual page, in mdoc, from a page of docs/ in the little Markdown that these pages are written in: headings,
# paragraphs, lists, tables, code in fences (marked with their language, for whoever extracts them) or set in by four.
# line() is of text.awk.
#
# usage: awk -v title=IOMMUSIM-TRACE -v section=5 -v about="..." -v date="November 22, 2026" -f text.awk -f markdown.awk page.md

# Marks within a line go, what they mark stays; of links the text.
function plain(text, before, inside) {
	while (match(text, /\[[^]]*\]\([^)]*\)/)) {
		before = substr(text, 1, RSTART - 1)
		inside = substr(text, RSTART + 1, RLENGTH - 1)
		text = before substr(inside, 1, index(inside, "](") - 1) substr(text, RSTART + RLENGTH)
	}
	gsub(/\*\*/, "", text)
	gsub(/`/, "", text)
	text = gensub_stars(text)
	gsub(/\\\|/, "|", text)
	return text
}

function gensub_stars(text) {
	while (match(text, /\*[a-zA-Z-][a-zA-Z -]*\*/))
		text = substr(text, 1, RSTART - 1) substr(text, RSTART + 1, RLENGTH - 2) substr(text, RSTART + RLENGTH)
	return text
}

function words(text, n, i, word, out) {
	n = split(plain(text), word, " ")
	out = ""
	for (i = 1; i <= n; i++) {
		out = out == "" ? word[i] : out " " word[i]
		if (i < n && word[i] ~ /[.?!]["')]?$/) {
			line(out)
			out = ""
		}
	}
	if (out != "")
		line(out)
}

function end_paragraph() {
	if (paragraph == "")
		return
	if (pp)
		print ".Pp"
	words(paragraph)
	paragraph = ""
	pp = 1
}

function end_block() {
	end_paragraph()
	if (block == "list" || block == "table")
		print ".El"
	else if (block == "code")
		print ".Ed"
	if (block != "")
		pp = 1
	block = ""
}

function begin_block(kind) {
	if (block == kind)
		return
	end_block()
	block = kind
	if (kind == "list")
		print ".Bl -bullet"
	else if (kind == "table")
		print ".Bl -tag -width Ds"
	else
		print ".Bd -literal -offset indent"
	pp = 0
}

BEGIN {
	print ".\\\" Written by docs/man/markdown.awk from a page of docs/."
	print ".Dd " date
	print ".Dt " title " " section
	print ".Os"
	print ".Sh NAME"
	print ".Nm " tolower(title)
	print ".Nd " about
	print ".Sh DESCRIPTION"
}

/^```/ {
	if (fenced) {
		fenced = 0
		end_block()
		next
	}
	end_block()
	fenced = 1
	print ".\\\" example: " (substr($0, 4) == "" ? "text" : substr($0, 4))
	begin_block("code")
	next
}
fenced { line($0); next }
/^# / { next }
/^##* / {
	end_block()
	sub(/^#* /, "")
	if ($0 == "Errors") # mdoc keeps that name for error numbers
		$0 = "Error messages"
	print ".Sh " toupper(escape(plain($0)))
	pp = 0
	next
}
/^    / && paragraph == "" && block != "list" {
	begin_block("code")
	line(substr($0, 5))
	next
}
block == "code" && $0 == "" { blank = 1; next }
/^\|[-|: ]*\|$/ || /^\| *\| *\|$/ { next }
/^\|/ {
	row = $0
	gsub(/\\\|/, "\001", row)
	sub(/^\| */, "", row)
	sub(/ *\|$/, "", row)
	cut = index(row, " | ")
	begin_block("table")
	tag = plain(substr(row, 1, cut - 1))
	text = substr(row, cut + 3)
	gsub(/\001/, "|", tag)
	gsub(/\001/, "|", text)
	tag = escape(tag)
	gsub(/"/, "\\(dq", tag)
	print ".It \"" tag "\""
	words(text)
	next
}
/^- / {
	if (block == "list" && paragraph != "") {
		words(paragraph)
		paragraph = ""
	}
	begin_block("list")
	print ".It"
	paragraph = substr($0, 3)
	pp = 0
	next
}
block == "list" && /^  / { paragraph = paragraph " " substr($0, 3); next }
$0 == "" {
	if (block == "list" || block == "table") {
		if (block == "list") {
			words(paragraph)
			paragraph = ""
		}
		end_block()
	} else {
		end_paragraph()
	}
	next
}
{
	if (block != "")
		end_block()
	paragraph = paragraph == "" ? $0 : paragraph " " $0
}

END {
	end_block()
	print ".Sh SEE ALSO"
	print ".Xr iommusim 1 ,"
	print ".Xr iommusim 3 ,"
	count = split(see, names, " ")
	for (i = 1; i <= count; i++)
		print ".Xr " names[i] " 3 ,"
	print ".Xr iommusim 7"
}
