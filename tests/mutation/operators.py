"""Where a C source or a .def description can be broken, one small change at a time. Builds and runs nothing."""

import hashlib
import re

TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<directive>^[ \t]*\#(?:[^\n\\]|\\.|\\\n)*)
      | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])+')
      | (?P<word>[A-Za-z_]\w*)
      | (?P<number>0[xX][0-9a-fA-F]+[uUlL]*|\d+[uUlL]*)
      | (?P<sign><<=|>>=|==|!=|<=|>=|&&|\|\||<<|>>|\+\+|--|->|[-+*/%&|^]=|\.\.\.|[^\s\w])""",
    re.S | re.M | re.X)

COMPARISONS = {"==": ["!="], "!=": ["=="], "<": ["<=", ">"], "<=": ["<", ">="], ">": [">=", "<"],
               ">=": [">", "<="]}
BINARY = {"|": "&", "&": "|", "<<": ">>", ">>": "<<", "+": "-", "-": "+", "^": "|", "%": "/"}
ASSIGNMENTS = {"|=": "&=", "&=": "|=", "+=": "-=", "-=": "+=", "<<=": ">>=", ">>=": "<<="}
CONTROL = {"if", "for", "while", "switch"}
NO_OPERAND = CONTROL | {"return", "case", "else", "do", "sizeof", "goto"}
NO_STATEMENT = CONTROL | {"return", "case", "default", "else", "do", "goto", "continue", "break",
                          "struct", "const", "static", "enum", "union", "unsigned", "signed", "int", "char",
                          "void", "bool", "extern", "_Static_assert"}


class Mutant:
    """One change of one file: the bytes [start, end) become `text`."""

    def __init__(self, path, source, start, end, text, operator):
        self.path, self.start, self.end, self.text, self.operator = path, start, end, text, operator
        self.line = source.count("\n", 0, start) + 1
        self.before = line_at(source, start)
        self.function = enclosing(source, start)
        self.after = line_at(source[:start] + text + source[end:], start)
        if self.before == self.after:  # the change is in a later line of the same statement
            self.after = "(deleted) " + self.before
        self.field = None  # of a description: (structure, field)
        self.id = None

    def apply(self, source):
        return source[:self.start] + self.text + source[self.end:]

    def name(self, occurrence):
        """Stays the same while other parts of the file change."""
        key = "\0".join([self.path, self.function, self.before, self.after, self.operator, str(occurrence)])
        return hashlib.sha1(key.encode()).hexdigest()[:10]


def line_at(source, position):
    begin = source.rfind("\n", 0, position) + 1
    end = source.find("\n", position)
    return " ".join(source[begin:end if end >= 0 else len(source)].split())


def enclosing(source, position):
    """The function (or table) around a position: the last line in the first column that names one."""
    name = ""
    for match in re.finditer(r"^[A-Za-z_][^\n;]*?(\w+)(?:\(|\[\w*\] = \{| = \{)", source[:position], re.M):
        name = match.group(1)
    return name


class Tokens:
    def __init__(self, source):
        self.all = []
        for match in TOKEN.finditer(source):
            kind = match.lastgroup
            if kind == "directive":
                self.define(match)
            elif kind != "comment":
                self.all.append((kind, match.group(), match.start(), match.end()))
        self.partner = {}
        self.brace = {}  # index of each { -> "block" or "value"
        self.inside = []  # index of the innermost { around each token
        self.pair()

    def define(self, match):
        """The body of an object-like macro is code like any other."""
        body = re.match(r"[ \t]*#[ \t]*define[ \t]+\w+[ \t]+(?=\S)", match.group())
        if body is None or "\\\n" in match.group():
            return
        for inner in TOKEN.finditer(match.group(), body.end()):
            if inner.lastgroup in ("word", "number", "sign"):
                self.all.append((inner.lastgroup, inner.group(), match.start() + inner.start(),
                                 match.start() + inner.end()))
        self.all.append(("end", "", match.end(), match.end()))

    def word(self, i):
        return self.all[i][1] if 0 <= i < len(self.all) else ""

    def kind(self, i):
        return self.all[i][0] if 0 <= i < len(self.all) else ""

    def pair(self):
        stack = []
        for i, (_, text, _, _) in enumerate(self.all):
            opened = [s for s in stack if self.word(s) == "{"]
            self.inside.append(opened[-1] if opened else None)
            if text in ("(", "[", "{"):
                stack.append(i)
                if text == "{":
                    self.brace[i] = self.brace_kind(i)
            elif text in (")", "]", "}") and stack:
                self.partner[i] = stack.pop()
                self.partner[self.partner[i]] = i

    def brace_kind(self, i):
        before = self.word(i - 1)
        if before in ("else", "do", ";", "{", "}", ":"):
            return "block" if before != "{" or self.brace.get(i - 1) == "block" else "value"
        if before != ")":
            return "value"
        callee = self.partner.get(i - 1, 0) - 1
        if self.kind(callee) == "word" and self.word(callee) not in ("return", "case"):
            return "block"
        return "value"

    def binary(self, i):
        before = i - 1
        if self.word(before) in (")", "]"):
            opened = self.partner.get(before)
            cast = opened is not None and re.fullmatch(r"(const )?(unsigned|u?int\d*_t|bool|struct \w+ ?\*?)",
                                                       " ".join(self.word(k) for k in range(opened + 1, before)))
            return not cast
        return self.kind(before) in ("word", "number") and self.word(before) not in NO_OPERAND

    def statement_start(self, i):
        brace = self.inside[i]
        if brace is None or self.brace.get(brace) != "block":
            return False
        before = self.word(i - 1)
        if before in (";", "{", "}", "else"):
            return True
        if before == ")":
            return self.word(self.partner.get(i - 1, 0) - 1) in CONTROL
        return before == ":" and (self.word(i - 3) == "case" or self.word(i - 2) == "default")

    def end_of(self, i, stops):
        """The next of `stops` at this depth."""
        while i < len(self.all) and self.word(i) not in stops:
            if self.word(i) in ("(", "[", "{") and i in self.partner:
                i = self.partner[i]
            i += 1
        return i


def numbers_around(text):
    digits, suffix = re.fullmatch(r"(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)", text).groups()
    value = int(digits, 0) if not re.fullmatch(r"0\d+", digits) else int(digits, 8)
    shape = "0x%x" if digits[:2].lower() == "0x" else "%d"
    yield shape % (value + 1) + suffix
    if value > 0:
        yield shape % (value - 1) + suffix


def declares_array(tokens, i):
    """Is this number the size in a declaration? More room changes nothing, less is the compiler's or ASan's."""
    if tokens.word(i - 1) != "[" or tokens.word(i + 1) != "]":
        return False
    start = i
    while start > 0 and tokens.word(start - 1) not in (";", "{", "}", "("):
        start -= 1
    return tokens.kind(start) == "word" and tokens.kind(start + 1) in ("word", "sign") and \
        tokens.word(start + 1) not in ("[", "=", "->", ".", "(")


class Source:
    """All mutants of one C file. `reasons`: names that stand for an answer, each with another one."""

    def __init__(self, path, source, reasons):
        self.path, self.source, self.reasons = path, source, reasons
        self.tokens = Tokens(source)
        self.found = []

    def add(self, start, end, text, operator):
        self.found.append(Mutant(self.path, self.source, start, end, text, operator))

    def mutants(self):
        tokens = self.tokens
        i = 0
        while i < len(tokens.all):
            if tokens.word(i) == "_Static_assert":
                i = tokens.partner.get(i + 1, i)
            else:
                self.at(i)
            i += 1
        return self.found

    def at(self, i):
        kind, text, start, end = self.tokens.all[i]
        if kind == "sign":
            self.sign(i, text, start, end)
        elif kind == "number" and not declares_array(self.tokens, i):
            for other in numbers_around(text):
                self.add(start, end, other, "constant")
        elif kind == "word":
            self.word(i, text, start, end)
        if self.tokens.statement_start(i):
            self.statement(i)

    def sign(self, i, text, start, end):
        for other in COMPARISONS.get(text, []):
            self.add(start, end, other, "comparison")
        if text in ("&&", "||"):
            self.add(start, end, "||" if text == "&&" else "&&", "logic")
        elif text in ("!", "~") and not self.tokens.binary(i):
            self.add(start, end, "", "negation" if text == "!" else "mask")
        elif text in BINARY and self.tokens.binary(i):
            self.add(start, end, BINARY[text], "arithmetic")
        elif text in ASSIGNMENTS:
            self.add(start, end, ASSIGNMENTS[text], "arithmetic")
        elif text == "?":
            self.add(start, end, "&& 0 ?", "condition")
            self.add(start, end, "|| 1 ?", "condition")
        elif text == "." and self.tokens.word(i - 1) in ("{", ","):
            self.initialiser(i)

    def initialiser(self, i):
        tokens = self.tokens
        if tokens.word(i + 2) != "=":
            return
        stop = tokens.end_of(i, (",", "}"))
        end = tokens.all[stop][3 if tokens.word(stop) == "," else 2]
        self.add(tokens.all[i][2], end, "", "initialiser")

    def word(self, i, text, start, end):
        tokens = self.tokens
        if text in ("true", "false"):
            self.add(start, end, "false" if text == "true" else "true", "answer")
        elif text in self.reasons and tokens.word(i - 1) != "case":
            self.add(start, end, self.reasons[text], "answer")
        elif text in ("if", "while") and tokens.word(i + 1) == "(":
            opened = tokens.all[i + 1][3]
            closed = tokens.all[tokens.partner[i + 1]][2]
            inner = self.source[opened:closed]
            self.add(opened, closed, "0 && (" + inner + ")", "condition")
            if text == "if":
                self.add(opened, closed, "1 || (" + inner + ")", "condition")

    def statement(self, i):
        tokens = self.tokens
        text = tokens.word(i)
        if text == "break":
            self.add(tokens.all[i][2], tokens.all[i + 1][3], ";", "statement")
            return
        if tokens.kind(i) != "word" and text not in ("*", "("):
            return
        if text in NO_STATEMENT or (tokens.kind(i) == "word" and tokens.kind(i + 1) == "word"):
            return
        if tokens.kind(i) == "word" and tokens.word(i + 1) == "*" and tokens.kind(i + 2) == "word":
            return
        if tokens.word(i + 1) == ":":
            return
        if text == "pthread_mutex_lock":  # one thread never notices; ThreadSanitizer does
            return
        stop = tokens.end_of(i, (";",))
        if stop < len(tokens.all):
            self.add(tokens.all[i][2], tokens.all[stop][3], ";", "statement")


FIELD = re.compile(r"FIELD\((\w+),\s*(\d+),\s*(\d+),\s*(?:(RO|RW|WO|RW1C|ONE_SHOT),\s*)?(\w+),\s*\"")
OTHER_ACCESS = {"RW": "RO", "RO": "RW", "RW1C": "RW", "WO": "RW", "ONE_SHOT": "RW"}
REASON = re.compile(r"^R\((0x[0-9a-f]+), (\w+), \"[^\"]*\", (QUALIFIED|UNQUALIFIED), (\w+),", re.M)
QUEUE_ERROR = re.compile(r"^Q\((\d+), (\w+),", re.M)


def description(path, source):
    """All mutants of a .def: bits, access, need, offset; of reasons, their code, class and qualification."""
    found = []

    def add(match, group, text, operator, field=None):
        mutant = Mutant(path, source, match.start(group), match.end(group), text, operator)
        mutant.function, mutant.field = "", field
        found.append(mutant)

    structure = re.search(r"#define STRUCTURE (\w+)", source)
    for match in FIELD.finditer(source):
        name, high, low, access, need = match.groups()
        field = (structure.group(1), name) if structure else None
        for group, value in ((2, int(high)), (3, int(low))):
            for other in (value + 1, value - 1):
                if other >= 0:
                    add(match, group, "%d" % other, "bits", field)
        if access:
            add(match, 4, OTHER_ACCESS[access], "access", field)
        if need != "ALWAYS":
            add(match, 5, "ALWAYS", "need", field)
    offset = re.search(r"#define OFFSET\s+(0x[0-9a-fA-F]+)", source)
    if offset and "registers/" in path:
        add(offset, 1, "0x%x" % (int(offset.group(1), 16) + 0x600), "offset", (structure.group(1), "at"))
    for match in REASON.finditer(source):
        add(match, 1, "0x%02x" % (int(match.group(1), 16) ^ 0x80), "answer")
        add(match, 3, "UNQUALIFIED" if match.group(3) == "QUALIFIED" else "QUALIFIED", "need")
        add(match, 4, "ABORT" if match.group(4) != "ABORT" else "PERMISSION", "answer")
    for match in QUEUE_ERROR.finditer(source):
        add(match, 1, "%d" % (int(match.group(1)) ^ 8), "answer")
    return found


def answers(read):
    """Names of fault reasons and queue errors, each with the next one's."""
    others = {}
    for names in ([m.group(2) for m in REASON.finditer(read("models/vtd/spec/fault_reasons.def"))],
                  ["QUEUE_" + m.group(2) for m in QUEUE_ERROR.finditer(read("models/vtd/spec/queue_errors.def"))]):
        for i, name in enumerate(names):
            others[name] = names[(i + 1) % len(names)]
    return others


def all_mutants(paths, read):
    reasons = answers(read)
    found, seen = [], {}
    for path in paths:
        source = read(path)
        mutants = description(path, source) if path.endswith(".def") else Source(path, source, reasons).mutants()
        for mutant in mutants:
            key = (path, mutant.function, mutant.before, mutant.after, mutant.operator)
            seen[key] = seen.get(key, 0) + 1
            mutant.id = mutant.name(seen[key])
            found.append(mutant)
    return found
