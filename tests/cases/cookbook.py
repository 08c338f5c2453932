#!/usr/bin/env python3
"""Runs every recipe of docs/cookbook.md as a reader would, and compares what is printed with the page.

  cookbook.py SHARDMILL COOKBOOK.md EXAMPLES [--update]

A recipe is a section. Its fenced blocks that start with a comment that names a file (`# errors.toml`) are written to that
file; each `$ command` of a `console` block is run in a folder that has the examples as `examples/`, and must print the lines
that follow. A line `...` stands for any lines. --update writes what is printed into the page, leaving out what differs
between runs.
"""
import os, re, shutil, subprocess, sys, tempfile

PROGRAM, PAGE, EXAMPLES = (os.path.abspath(path) for path in sys.argv[1:4])
UPDATE = "--update" in sys.argv
WORK = tempfile.mkdtemp(prefix="shardmill-cookbook-")
ENV = dict(os.environ, PATH=os.path.dirname(PROGRAM) + ":" + os.environ["PATH"], LC_ALL="C.UTF-8", COLUMNS="100")
ENV.pop("SHARDMILL_DATA", None)
# Parts of a report that tell of the machine, or more than a recipe needs; the second if the page does not have them already.
LEFT_OUT = ("The slowest files", "Balance over the ranks")
LEFT_OUT_IF_NEW = ("The way of the records", "Left out, for instance", "Bad records", "Outputs")


def run(command, folder):
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300)
    return [line.rstrip() for line in done.stdout.decode("utf-8", "surrogateescape").splitlines()], done.returncode


def shortened(lines, before):
    """The output without the parts of a report that differ from run to run, or that the page did not have before."""
    before = tuple(line.split("  ")[0] for line in before)
    paragraphs, kept = "\n".join(lines).split("\n\n"), []
    for paragraph in paragraphs:
        first = paragraph.lstrip("\n").split("\n")[0]
        is_title = re.search(r"shardmill \d+\.\d+", first)
        heading = first.split("  ")[0]
        if is_title or heading in LEFT_OUT or (heading in LEFT_OUT_IF_NEW and heading not in before):
            if not kept or kept[-1] != "...":
                kept.append("...")
        else:
            kept += ([""] if kept and kept[-1] != "..." else []) + paragraph.split("\n")
    return kept


def agrees(expected, found):
    """Whether `found` is `expected`, where "..." stands for any lines."""
    if not expected:
        return not found
    if expected[0] == "...":
        return any(agrees(expected[1:], found[i:]) for i in range(len(found) + 1))
    return bool(found) and expected[0] == found[0] and agrees(expected[1:], found[1:])


def without_blank_ends(lines):
    lines = list(lines)
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    return lines


def console(block, folder, title, problems):
    """The block with what its commands print now."""
    out, at = [], 0
    while at < len(block):
        command = [block[at]]
        assert block[at].startswith("$ "), f"{title}: {block[at]!r} in a console block, expected \"$ command\" first"
        while command[-1].endswith("\\"):
            at += 1
            command.append(block[at])
        at += 1
        expected = []
        while at < len(block) and not block[at].startswith("$ "):
            expected.append(block[at])
            at += 1
        found, code = run("\n".join(command)[2:], folder)
        if code not in (0, 10):
            problems.append(f"{title}: {command[0]} ended with {code}:\n" + "\n".join(found))
        if not UPDATE and not agrees(without_blank_ends(expected), without_blank_ends(found)):
            problems.append(f"{title}: {command[0]} printed\n" + "\n".join(found) + "\nexpected\n" + "\n".join(expected))
        out += command + without_blank_ends(shortened(found, expected))
    return out


def recipe(title, lines, problems):
    folder = tempfile.mkdtemp(dir=WORK)
    os.symlink(EXAMPLES, os.path.join(folder, "examples"))
    out, at, commands = [], 0, 0
    while at < len(lines):
        out.append(lines[at])
        if not lines[at].startswith("```") or lines[at] == "```":
            at += 1
            continue
        end = lines.index("```", at + 1)
        block = lines[at + 1:end]
        if lines[at] == "```console":
            commands += 1
            block = console(block, folder, title, problems)
        else:
            name = re.fullmatch(r"# (\S+)", block[0])
            assert name, f"{title}: a block starts with {block[0]!r}, expected a comment with a file name"
            with open(os.path.join(folder, name.group(1)), "w") as stream:
                stream.write("\n".join(block[1 if name.group(1).endswith((".csv", ".txt")) else 0:]) + "\n")
        out += block
        at = end
    if commands == 0:
        problems.append(f"{title}: no command, expected a console block")
    return out


def main():
    with open(PAGE) as stream:
        lines = stream.read().splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("## ")]
    problems, out = [], lines[:starts[0]]
    for start, end in zip(starts, starts[1:] + [len(lines)]):
        out += recipe(lines[start][3:], lines[start:end], problems)
    shutil.rmtree(WORK)
    for problem in problems:
        print(problem, file=sys.stderr)
    if UPDATE:
        with open(PAGE, "w") as stream:
            stream.write("\n".join(out) + "\n")
    if len(starts) < 20:
        problems.append(f"{len(starts)} recipes, expected 20 or more")
        print(problems[-1], file=sys.stderr)
    print(f"{len(starts)} recipes, {len(problems)} problems")
    sys.exit(1 if problems else 0)


main()
