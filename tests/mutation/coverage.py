"""Which test runs which line of the library: a mutant in a line that a test never runs cannot fail it."""

import concurrent.futures
import glob
import json
import os
import queue
import re
import shutil
import subprocess


class Coverage:
    """`lines[path]`: lines that gcov counts; `functions[path]`: (first, last) lines; `ran[test][path]`: lines run."""

    def __init__(self):
        self.lines, self.functions, self.ran = {}, {}, {}

    def tests_of(self, mutant, tests):
        """The tests that may notice. A line that gcov does not count belongs to its function's first line, a `case`
        decides where others are not run, and what stands outside of functions may reach anywhere."""
        path, line = mutant.path, mutant.line
        if path not in self.lines:
            return tests
        wanted = {line}
        if line not in self.lines[path] or re.search(r"\bcase\b|\bdefault:", mutant.before):
            around = [(first, last) for first, last in self.functions[path] if first <= line <= last]
            if not around:
                return tests
            wanted = {n for n in self.lines[path] if around[0][0] <= n <= around[0][1]}
        return [test for test in tests if test.name not in self.ran or wanted & self.ran[test.name].get(path, set())
                or test.includes(path)]

    def take(self, test, reports, tree):
        ran = self.ran.setdefault(test.name, {})
        for report in reports:
            for file in report["files"]:
                path = os.path.relpath(os.path.join(report["current_working_directory"], file["file"]), tree)
                if path.startswith(".."):
                    continue
                self.lines.setdefault(path, set()).update(line["line_number"] for line in file["lines"])
                self.functions.setdefault(path, set()).update(
                    (function["start_line"], function["end_line"]) for function in file["functions"])
                ran.setdefault(path, set()).update(
                    line["line_number"] for line in file["lines"] if line["count"])


def measure(base, run_test, jobs):
    """Run every test once with a library that counts its lines. A test that fails there is always run."""
    folder = os.path.join(base.work, "coverage")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        objects = list(pool.map(lambda one: compile_counted(folder, *one), sorted(base.entries.items())))
    if base.link(os.path.join(folder, "libobjects.so"), objects + ["--coverage"]) is not None:
        return Coverage()
    places = queue.Queue()
    for number in range(jobs):
        places.put(os.path.join(folder, "place%d" % number))
    coverage = Coverage()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for test, reports in pool.map(lambda test: counted(folder, places, test, run_test), base.tests):
            if reports is not None:
                coverage.take(test, reports, base.tree)
    return coverage


def compile_counted(folder, path, entry):
    target, flags = entry
    mine = os.path.join(folder, os.path.basename(target))
    subprocess.run(flags + ["-O0", "--coverage", "-c", os.path.join(os.path.dirname(folder), "tree", path), "-o", mine],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return mine


def counted(folder, places, test, run_test):
    place = places.get()
    try:
        shutil.rmtree(place, ignore_errors=True)
        verdict = run_test(test.program, folder, 120, {"GCOV_PREFIX": place})
        counts = os.path.join(place, folder.lstrip("/"))
        if verdict is not None or not os.path.isdir(counts):
            return test, None
        for notes in glob.glob(os.path.join(folder, "*.gcno")):
            os.symlink(notes, os.path.join(counts, os.path.basename(notes)))
        names = [os.path.basename(name) for name in glob.glob(os.path.join(counts, "*.gcda"))]
        done = subprocess.run(["gcov", "-j", "-t"] + names, cwd=counts, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False)
        if done.returncode != 0: # counts that were cut off: what it runs is not known
            return test, None
        return test, [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
    finally:
        places.put(place)
