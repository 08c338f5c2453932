#!/usr/bin/env python3
"""What docs/reading-results.md shows is true: its job is run, and its Python reads what the run leaves.

    tests/cases/reading_results.py SHARDMILL reading-results.md

A block that starts with `# NAME` is that file. Python blocks run one after the other, as a reader would paste them; a block without
a language behind one is what it prints.
"""
import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile

import pandas


def blocks(page):
    """(language, text) of each fenced block."""
    with open(page, encoding="utf-8") as stream:
        return re.findall(r"^```(\w*)\n(.*?)^```$", stream.read(), re.MULTILINE | re.DOTALL)


def write_files(found):
    for _, text in found:
        name = re.match(r"# (\S+\.(?:toml|csv))\n", text)
        if name:
            with open(name.group(1), "w", encoding="utf-8") as stream:
                stream.write(text[name.end():])


def run_python(found):
    """The names that the blocks leave, and how many printed what the page says."""
    names, prints = {}, 0
    for at, (language, text) in enumerate(found):
        if language != "python":
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(text, f"python block {at}", "exec"), names)
        expected = found[at + 1][1] if at + 1 < len(found) and found[at + 1][0] == "" else ""
        assert printed.getvalue() == expected, f"block {at} printed\n{printed.getvalue()}\nexpected\n{expected}"
        prints += expected != ""
    return names, prints


def check_short_examples(found):
    """Three lines each, of a table and of an output, in each language."""
    for language in ("python", "r", "julia"):
        short = [text for lang, text in found if lang == language and len(text.splitlines()) == 3]
        for place in ("results.h5", "output/readings.h5"):
            assert any(place in text for text in short), (language, place)


def check_values(names):
    table, rows = names["table"], names["rows"]
    assert list(table.columns) == ["station", "count", "mean(celsius)", "max(at)"], list(table.columns)
    means = dict(zip((station.decode() for station in table["station"]), table["mean(celsius)"]))
    assert means["Oslo"] == -3.0 and means["Bergen"] == 4.25 and means["Troms\u00f8"] != means["Troms\u00f8"], means
    assert list(rows["floor"]) == [2, 0, 1, 2] and rows["station"][2].decode() == "Troms\u00f8"
    assert pandas.to_datetime(rows["at"], utc=True)[3].isoformat() == "2026-01-05T07:00:00+00:00"


def main():
    shardmill, page = (os.path.abspath(path) for path in sys.argv[1:3])
    found = blocks(page)
    with tempfile.TemporaryDirectory(prefix="shardmill-reading-") as folder:
        os.chdir(folder)
        write_files(found)
        subprocess.run([shardmill, "run", "readings.toml", "--run-dir", "readings.run", "--quiet"], check=True)
        names, prints = run_python(found)
        check_short_examples(found)
        check_values(names)
        os.chdir("/")
    assert prints >= 1
    print(f"reading results: the page's Python reads its run, {prints} of its outputs compared")


if __name__ == "__main__":
    main()
