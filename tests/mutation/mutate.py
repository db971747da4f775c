#!/usr/bin/env python3
"""Break the models in one small place at a time, and see whether a test notices. See README.md."""

import argparse
import collections
import concurrent.futures
import functools
import hashlib
import glob
import json
import math
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

import coverage
import operators

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PATTERNS = ["models/vtd/*.c", "models/vtd/*.h", "models/amdvi/*.c", "models/amdvi/*.h", "models/formats/*.h",
            "models/common/*.c", "models/common/*.h", "models/*/spec/registers/*.def", "models/*/spec/entries/*.def",
            "models/vtd/spec/fault_reasons.def", "models/vtd/spec/queue_errors.def"]
# Values of real machines; pages for people.
NOT_THESE = ["models/vtd/preset.c", "models/vtd/reference.c", "models/amdvi/preset.c", "models/amdvi/reference.c",
             "models/common/reference.c", "models/common/reference.h"]
# What judges at first; a thorough campaign takes every test, of any length.
FOLDERS = ["spec", "amdvi", "walk", "unit", "property", "fuzz", "driver"]
SLOWEST = 2.5  # seconds of processor time
WORTH_COVERAGE = 200  # mutants: for fewer of them, all tests are run sooner than it is known which ones matter


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def die(text):
    sys.exit("mutate: " + text)


class Test:
    def __init__(self, name, folder, program, objects):
        self.name, self.folder, self.program = name, folder, program
        self.objects = objects  # of (source path, object, command)
        self.seconds = 0.0
        self.headers = set()  # of the project, compiled into the test itself

    def includes(self, path):
        return path in self.headers


class Base:
    """An unchanged copy of the tree, its objects, and the tests linked against a library of those."""

    def __init__(self, work):
        self.work = work
        self.tree = os.path.join(work, "tree")
        self.objects = os.path.join(work, "objects")
        self.entries = {}  # source path in the tree -> (object, command without -o and -c)
        self.depends = {}  # source path -> set of project files it includes
        self.tests = []

    def copy(self):
        os.makedirs(self.work, exist_ok=True)
        files = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z"],
                               stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")
        wanted = {f for f in files if f and os.path.exists(os.path.join(ROOT, f))}
        for folder, _, names in os.walk(self.tree):
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), self.tree)
                if path not in wanted:
                    os.unlink(os.path.join(self.tree, path))
        for path in wanted:  # files that are the same keep their time, so that nothing is built twice
            source, target = os.path.join(ROOT, path), os.path.join(self.tree, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if not os.path.exists(target) or read(source) != read(target):
                shutil.copyfile(source, target)

    def configure(self):
        build = os.path.join(self.work, "cmake")
        done = run(["cmake", "-S", self.tree, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                    "-DCMAKE_C_COMPILER=gcc", "-DCMAKE_C_FLAGS_DEBUG=", "-DIOMMUSIM_BENCH=OFF"])
        if done.returncode != 0:
            die("cmake:\n" + done.stdout)
        with open(os.path.join(build, "compile_commands.json")) as file:
            commands = json.load(file)
        self.test_objects = {}  # output -> (source path in the tree, object, command)
        for entry in commands:
            self.entry(entry)
        self.programs = self.link_lines(os.path.join(build, "build.ninja"))

    def entry(self, entry):
        words = shlex.split(entry["command"])
        output = words[words.index("-o") + 1]
        path = os.path.relpath(entry["file"], self.tree)
        library = "iommusim_objects.dir" in output
        if not library and not re.match(r"tests/[^/]*/CMakeFiles/", output):
            return
        target = os.path.join(self.objects, output.replace("/", "_"))
        skip = ("-c", entry["file"], "-Werror", "-fvisibility=hidden")
        flags, drop = [], False
        for word in words:
            if drop:
                drop = False
            elif word in ("-o", "-MF", "-MT"):
                drop = True
            elif word not in skip and not word.startswith("-W") and word not in ("-MD",):
                flags.append(word.replace("/tree/../shared", "/none") if "IOMMUSIM_SHARED" in word else word)
        if library:
            self.entries[path] = (target, flags + ["-w", "-fPIC", "-fno-semantic-interposition"])
        else:
            self.test_objects[output] = (path, target, flags + ["-w"])

    def link_lines(self, ninja):
        """The objects of each test program but the library's, by (folder, name)."""
        programs = {}
        with open(ninja) as file:
            for line in file:
                link = re.match(r"build tests/bin/(\w+): C_EXECUTABLE_LINKER\S* ([^|]*)", line)
                if not link:
                    continue
                outputs = link.group(2).split()
                own = next(output for output in outputs if "/%s.dir/" % link.group(1) in output)
                programs[(own.split("/")[1], link.group(1))] = [
                    self.test_objects[output] for output in outputs if output in self.test_objects]
        return programs

    def build(self, jobs):
        os.makedirs(self.objects, exist_ok=True)
        todo = [(path, target, flags) for path, (target, flags) in self.entries.items()]
        todo += self.test_objects.values()
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for path, problem in pool.map(lambda one: self.compile_base(*one), todo):
                if problem:
                    die("%s does not compile:\n%s" % (path, problem))
        for path, (target, _) in self.entries.items():
            self.depends[path] = dependencies(target + ".d", self.tree)
        self.library = os.path.join(self.work, "libobjects.so")
        if self.link(self.library, [target for target, _ in self.entries.values()]) is not None:
            die("the library does not link")
        for (folder, name), objects in sorted(self.programs.items()):
            program = os.path.join(self.work, "tests", name)
            os.makedirs(os.path.dirname(program), exist_ok=True)
            if self.link_test(program, [target for _, target, _ in objects], self.library):
                test = Test(name, folder, program, objects)
                test.headers = {header for _, target, _ in objects for header in dependencies(target + ".d", self.tree)}
                self.tests.append(test)

    def compile_base(self, path, target, flags):
        newest = max(os.path.getmtime(os.path.join(self.tree, d))
                     for d in dependencies(target + ".d", self.tree) | {path}) if os.path.exists(target) else None
        if newest is not None and os.path.getmtime(target) > newest:
            return path, None
        done = run(flags + ["-O1", "-MD", "-MF", target + ".d", "-c", os.path.join(self.tree, path), "-o", target])
        dependencies.cache_clear()  # what was read before is of the object of last time
        return path, done.stdout if done.returncode != 0 else None

    @staticmethod
    def link(library, objects):
        done = run(["gcc", "-shared", "-fuse-ld=gold", "-Wl,-soname,libobjects.so", "-o", library] + objects +
                   ["-ljson-c", "-lbsd", "-lz", "-pthread"])
        return done.stdout if done.returncode != 0 else None

    @staticmethod
    def link_test(program, objects, library):
        """Whether it is a program of its own."""
        done = run(["gcc", "-o", program] + objects +
                   [library, "-lcmocka", "-ljson-c", "-lbsd", "-lz", "-pthread"])
        return done.returncode == 0

    def measure(self, thorough):
        kept = []
        slowest = 120 if thorough else SLOWEST
        for test in self.tests:
            if not thorough and test.folder not in FOLDERS:
                continue
            begin = processor_time()
            verdict = run_test(test.program, self.work, 120)
            test.seconds = processor_time() - begin
            if verdict is not None:
                print("not used: %s (%s without any change)" % (test.name, verdict))
            elif test.seconds > slowest:
                print("not used: %s (takes %.1f s)" % (test.name, test.seconds))
            else:
                kept.append(test)
        if not kept:
            die("no test passes")
        if run_test(kept[0].program, "/nonexistent", 60) is None:
            die("the tests do not run with the library they are given")
        self.tests = kept


def read(path):
    with open(path, "rb") as file:
        return file.read()


@functools.lru_cache(maxsize=None)
def dependencies(path, tree):
    """The files of the tree in a make dependency file."""
    if not os.path.exists(path):
        return set()
    text = read(path).decode().replace("\\\n", " ").split(":", 1)[1]
    found = (os.path.normpath(word) for word in text.split())
    return {os.path.relpath(word, tree) for word in found if word.startswith(tree + "/")
            and os.path.exists(word)}


def expendable(seconds):
    os.setpgid(0, 0)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def processor_time():
    """Of all programs that have ended: what else runs on this machine does not change it much."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_test(program, library_folder, limit, more={}):
    """None when it passes, else how it ended. `limit`: seconds of processor time."""
    environment = dict(os.environ, LD_LIBRARY_PATH=library_folder, CMOCKA_MESSAGE_OUTPUT="stdout", **more)
    child = subprocess.Popen([program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             stdin=subprocess.DEVNULL, env=environment, cwd="/",
                             preexec_fn=lambda: expendable(math.ceil(limit)))
    try:
        status = child.wait(10 * limit + 5)  # one that only waits uses no processor time
    except subprocess.TimeoutExpired:
        status = "timeout"
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except OSError:
        pass
    child.wait()
    if status in ("timeout", -signal.SIGXCPU):
        return "timeout"
    return None if status == 0 else "fails"


class Worker:
    """A tree of its own to break, with the base's objects for everything that stays as it is."""

    def __init__(self, base, number):
        self.base = base
        self.folder = os.path.join(base.work, "worker%d" % number)
        self.tree = os.path.join(self.folder, "tree")
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(base.tree, self.tree)

    def affected(self, mutant):
        """The sources whose object may change."""
        base = self.base
        if mutant.path in base.entries:
            return [mutant.path]
        users = [path for path, depends in base.depends.items() if mutant.path in depends]
        if mutant.field is None:
            return self.callers(mutant, users)
        # A field's accessors are in every source; only those that name it, and the tables, see a change.
        accessor = re.compile(r"\b%s_(set_)?%s(_bits)?\b" % mutant.field)
        named = set()
        for path in {d for u in users for d in base.depends[u]} | set(users):
            if path.endswith((".c", ".h")) and accessor.search(read(os.path.join(base.tree, path)).decode()):
                named.add(path)
        return [u for u in users if u.endswith("spec/tables.c") or u in named or base.depends[u] & named]

    def callers(self, mutant, users):
        """Of the sources that include the header those in which its inline function is called, maybe by way of
        other functions of the header."""
        source = read(os.path.join(self.base.tree, mutant.path)).decode()
        names = inline_names(source, mutant)
        if names is None:
            return users
        word = re.compile(r"\b(%s)\b" % "|".join(names))

        def calls(path):
            return path != mutant.path and word.search(read(os.path.join(self.base.tree, path)).decode())

        calling = {path for path in {d for u in users for d in self.base.depends[u]} | set(users) if calls(path)}
        return [u for u in users if u in calling or self.base.depends[u] & calling]

    def compile(self, sources, level):
        """Objects of the changed tree, or None when it does not compile."""
        objects = {}
        for path in sources:
            target, flags = self.base.entries[path]
            mine = os.path.join(self.folder, os.path.basename(target) + level)
            flags = [word.replace(self.base.tree, self.tree) for word in flags]
            # The same name for every tree, lest __FILE__ tells them apart.
            done = run(flags + [level, "-c", path, "-o", mine], cwd=self.tree)
            if done.returncode != 0:
                return None
            objects[path] = mine
        return objects

    def judge(self, mutant, order):
        """(status, who killed it)"""
        source = os.path.join(self.tree, mutant.path)
        original = read(source)
        with open(source, "wb") as file:
            file.write(mutant.apply(original.decode()).encode())
        try:
            return self.judge_changed(mutant, order, original)
        finally:
            with open(source, "wb") as file:
                file.write(original)

    def judge_changed(self, mutant, order, original):
        sources = self.affected(mutant)
        objects = self.compile(sources, "-O0")
        if objects is None:
            return "discarded", "does not compile"
        library = os.path.join(self.folder, "libobjects.so")
        whole = [objects.get(path, target) for path, (target, _) in self.base.entries.items()]
        if self.base.link(library, whole) is not None:
            return "discarded", "does not link"
        for test in order:
            program = self.program(test, mutant, library)
            verdict = "does not build" if program is None else \
                run_test(program, self.folder, 0.5 + 3 * test.seconds)
            if verdict is not None:
                return "killed", test.name + ("" if verdict == "fails" else " (%s)" % verdict)
        return ("equivalent", "same code") if self.same_code(sources, mutant, original) else ("survived", "")

    def program(self, test, mutant, library):
        """The test's program; one that compiles what was changed into itself is built anew."""
        objects, changed = [], False
        for path, target, flags in test.objects:
            if mutant.path not in dependencies(target + ".d", self.base.tree):
                objects.append(target)
                continue
            changed = True
            mine = os.path.join(self.folder, os.path.basename(target))
            flags = [word.replace(self.base.tree, self.tree) for word in flags]
            if run(flags + ["-O0", "-c", path, "-o", mine], cwd=self.tree).returncode != 0:
                return None
            objects.append(mine)
        if not changed:
            return test.program
        program = os.path.join(self.folder, test.name)
        return program if self.base.link_test(program, objects, library) else None

    def same_code(self, sources, mutant, original):
        changed = self.compile(sources, "-O2")
        if changed is None:
            return False
        changed = [digest(path) for path in changed.values()]
        with open(os.path.join(self.tree, mutant.path), "wb") as file:
            file.write(original)
        return changed == [digest(path) for path in self.compile(sources, "-O2").values()]


def inline_names(source, mutant):
    """The inline function of a header that a mutant is in, and those of the header that lead to it; None: it is in
    none, but in what any user may see."""
    bodies = {match.group(1): (match.start(), match.end()) for match in
              re.finditer(r"^[a-zA-Z_][^;{}#]*?\b(\w+)\([^;{}]*\)\n\{\n(?:[^}\n].*\n|\n|\}[^\n]+\n)*\}\n", source, re.M)}
    around = [name for name, (begin, end) in bodies.items() if begin <= mutant.start < end]
    if not around:
        return None
    names, before = set(around), set()
    while names != before:
        before = set(names)
        names |= {name for name, (begin, end) in bodies.items()
                  if any(re.search(r"\b%s\b" % known, source[begin:end]) for known in before)}
    rest, at = "", 0
    for begin, end in sorted(bodies.values()):
        rest, at = rest + source[at:begin], end
    rest += source[at:]
    # A table or a macro that names one takes it along to whoever uses that.
    return None if any(re.search(r"\b%s\b" % name, rest) for name in names) else names


def digest(path):
    stripped = path + ".stripped"
    run(["objcopy", "--strip-debug", "--remove-section=.comment", path, stripped])
    return hashlib.sha1(read(stripped)).hexdigest()


class Order:
    """Tests in the order in which they are likely to notice: killers of the same file, then quick ones."""

    def __init__(self, tests):
        self.tests = tests
        self.kills = collections.defaultdict(collections.Counter)
        self.lock = threading.Lock()

    def of(self, path):
        first = {"spec": 0, "fuzz": 1, "unit": 2}
        with self.lock:
            kills = self.kills[path]
            return sorted(self.tests, key=lambda t: (-kills[t.name] / (t.seconds + 0.05),
                                                     first.get(t.folder, 3), t.seconds))

    def killed(self, path, name):
        with self.lock:
            self.kills[path][name.split()[0]] += 1


def accepted_survivors():
    """survivors.txt: blocks of FILE: FUNCTION, "- before", "+ after", reason."""
    accepted = {}
    path = os.path.join(HERE, "survivors.txt")
    if not os.path.exists(path):
        return accepted
    for block in re.split(r"\n[ \t]*\n", read(path).decode()):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        if len(lines) < 4:
            if lines:
                die("survivors.txt: a block needs FILE: FUNCTION, - before, + after, and a reason:\n" + block)
            continue
        file, _, function = lines[0].partition(": ")
        accepted[(file, function, lines[1][2:].strip(), lines[2][2:].strip())] = " ".join(lines[3:])
    return accepted


class Results:
    """One line a mutant, in the order they were judged; what is there is not judged again."""

    def __init__(self, path, fresh):
        self.path = path
        self.of = {}
        self.lock = threading.Lock()
        if fresh and os.path.exists(path):
            os.unlink(path)
        if os.path.exists(path):
            for line in read(path).decode().splitlines():
                fields = line.split("\t")
                if len(fields) == 7:
                    self.of[fields[0]] = (fields[1], fields[2])

    def forget(self, statuses):
        self.of = {k: v for k, v in self.of.items() if v[0] not in statuses}

    def add(self, mutant, status, killer):
        with self.lock:
            self.of[mutant.id] = (status, killer)
            with open(self.path, "a") as file:
                file.write("\t".join([mutant.id, status, killer, "%s:%d" % (mutant.path, mutant.line),
                                      mutant.operator, mutant.before, mutant.after]) + "\n")


def share(part, whole):
    return "%5.1f %%" % (100.0 * part / whole) if whole else "      -"


def summary(mutants, results, accepted):
    counts = collections.defaultdict(collections.Counter)
    survivors = []
    for mutant in mutants:
        status = results.of.get(mutant.id, ("not judged", ""))[0]
        if status == "survived":
            if (mutant.path, mutant.function, mutant.before, mutant.after) in accepted:
                status = "accepted"
            else:
                survivors.append(mutant)
        for group in ("operator " + mutant.operator, "file " + mutant.path, "total"):
            counts[group][status] += 1
    print("\n%-44s %6s %6s %6s %6s %6s  %s" % ("", "killed", "alive", "accept", "equiv", "other", "score"))
    for group in sorted(counts, key=lambda g: (g == "total", g)):
        c = counts[group]
        killed, alive = c["killed"], c["survived"] + c["accepted"]
        print("%-44s %6d %6d %6d %6d %6d %s" % (
            group.split(" ", 1)[-1], killed, c["survived"], c["accepted"], c["equivalent"],
            c["discarded"] + c["not judged"], share(killed, killed + alive)))
    if survivors:
        print("\nSurvivors (in the form of survivors.txt):")
        for mutant in survivors:
            print("\n%s: %s\n- %s\n+ %s\n  (line %d, %s, %s)" % (mutant.path, mutant.function, mutant.before,
                                                                mutant.after, mutant.line, mutant.operator,
                                                                mutant.id))
    c = counts["total"]
    print("\n%d of %d killed (%s), %d accepted, %d equivalent" % (
        c["killed"], c["killed"] + c["survived"] + c["accepted"],
        share(c["killed"], c["killed"] + c["survived"] + c["accepted"]).strip(), c["accepted"], c["equivalent"]))


def campaign(base, mutants, results, jobs):
    todo = [m for m in mutants if m.id not in results.of]
    order = Order(base.tests)
    for mutant in mutants:
        status, killer = results.of.get(mutant.id, ("", ""))
        if status == "killed":
            order.killed(mutant.path, killer)
    done = 0
    reach = coverage.measure(base, run_test, jobs) if len(todo) >= WORTH_COVERAGE else coverage.Coverage()
    workers = [Worker(base, n) for n in range(jobs)]
    begin = time.time()
    pending = collections.deque(todo)
    lock = threading.Lock()

    def work(worker):
        nonlocal done
        while True:
            with lock:
                if not pending:
                    return
                mutant = pending.popleft()
            status, killer = worker.judge(mutant, reach.tests_of(mutant, order.of(mutant.path)))
            if status == "killed":
                order.killed(mutant.path, killer)
            results.add(mutant, status, killer)
            with lock:
                done += 1
                if status == "survived" or done % 25 == 0 or done == len(todo):
                    print("%5d/%d  %5.1f a minute  %-10s %s:%d  %s" % (
                        done, len(todo), 60 * done / (time.time() - begin), status, mutant.path, mutant.line,
                        mutant.after[:90] if status == "survived" else ""), flush=True)

    threads = [threading.Thread(target=work, args=(worker,), daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main():
    parser = argparse.ArgumentParser(prog="./dev mutate", description=__doc__)
    parser.add_argument("filter", nargs="?", default="", help="only mutants of files whose path contains this")
    parser.add_argument("-j", type=int, default=1, help="workers (1)")
    parser.add_argument("--operator", default="", help="only mutants of this operator")
    parser.add_argument("--sample", type=int, default=1, help="only every Nth mutant")
    parser.add_argument("--list", action="store_true", help="say what would be done, and end")
    parser.add_argument("--again", action="store_true", help="judge survivors again: tests have changed")
    parser.add_argument("--thorough", action="store_true", help="use the slow tests too")
    parser.add_argument("--fresh", action="store_true", help="forget earlier results")
    parser.add_argument("--work", default=os.path.join(os.environ.get("TMPDIR", "/tmp"), "iommusim-mutation"),
                        help="where the copies of the tree go (%(default)s)")
    options = parser.parse_args()

    base = Base(os.path.abspath(options.work))
    base.copy()
    paths = sorted({os.path.relpath(path, base.tree) for pattern in PATTERNS
                    for path in glob.glob(os.path.join(base.tree, pattern))} - set(NOT_THESE))
    mutants = operators.all_mutants(paths, lambda path: read(os.path.join(base.tree, path)).decode())
    mutants = [m for m in mutants if options.filter in m.path and options.operator in m.operator]
    mutants = mutants[::options.sample]
    if options.list:
        for m in mutants:
            print("%s %s:%d %s\n  - %s\n  + %s" % (m.id, m.path, m.line, m.operator, m.before, m.after))
        print("%d mutants" % len(mutants))
        return
    results = Results(os.path.join(base.work, "results.tsv"), options.fresh)
    if options.again:
        results.forget({"survived"})
    print("building %s" % base.work, flush=True)
    base.configure()
    base.build(max(options.j, os.cpu_count() or 1))
    base.measure(options.thorough)
    print("%d mutants, %d tests of %.1f s together" % (len(mutants), len(base.tests),
                                                     sum(t.seconds for t in base.tests)), flush=True)
    campaign(base, mutants, results, options.j)
    summary(mutants, results, accepted_survivors())


if __name__ == "__main__":
    main()
