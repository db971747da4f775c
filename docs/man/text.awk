# Words as mdoc takes them, for the scripts that write pages.

function escape(text) {
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	return text
}

# A line of text must not begin with a control character, and a sentence's end is a line's end.
function line(text) {
	text = escape(text)
	if (text ~ /^[.']/)
		text = "\\&" text
	print text
}
