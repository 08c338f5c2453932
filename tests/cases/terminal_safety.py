#!/usr/bin/env python3
"""Runs the commands over file names, columns and values with terminal escapes, newlines, quotes and HTML, and looks at every byte
that they print.

  terminal_safety.py SHARDMILL

No control character but the newline may reach a terminal, and colours only where standard output is one. Exits 1 and says what was
printed where.
"""
import os, pty, re, shutil, subprocess, sys, tempfile

SHARDMILL = os.path.abspath(sys.argv[1])
WORK = tempfile.mkdtemp(prefix="shardmill-terminal-")
HOSTILE = '\x1b]0;owned\x07\x1b[2J\x1b[31m"<script>alert(1)</script>\'\\\r\x08\x7f\u009b31m'
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
LINE = re.compile(r"\r\x1b\[K|\x1b\[K|\r")  # the live line of progress
failures = []
printed = 0


def look_at(what, output, colours=False):
    global printed
    printed += len(output)
    text = output.decode("utf-8", "backslashreplace")
    if colours:
        text = COLOURS.sub("", LINE.sub("", text.replace("\r\n", "\n")))
    bad = CONTROLS.search(text)
    if bad or "[31m\"" in text and "\x1b[31m\"" in output.decode("utf-8", "backslashreplace"):
        failures.append(f"{what} prints {text[max(0, bad.start() - 60):bad.end() + 60]!r}" if bad else f"{what} prints colours of a value")


def run(*words, expect=None):
    done = subprocess.run([SHARDMILL, *words], cwd=WORK, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    look_at(" ".join(words)[:200], done.stdout)
    if expect is not None and done.returncode not in expect:
        failures.append(f"{words} ends with {done.returncode}: {done.stdout[:300]!r}")
    return done.stdout


def run_on_terminal(*words):
    """The same where standard output and error are a terminal, with colours and progress."""
    output = bytearray()

    def keep(descriptor):
        piece = os.read(descriptor, 65536)
        output.extend(piece)
        return piece  # an empty one would be taken for the end

    here = os.getcwd()
    os.chdir(WORK)
    saved = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    try:
        pty.spawn([SHARDMILL, *words], keep, lambda descriptor: b"")
    finally:
        os.dup2(saved, 1), os.close(saved), os.close(null), os.chdir(here)
    look_at("on a terminal: " + " ".join(words)[:200], bytes(output), colours=True)
    return bytes(output)


def write(name, content):
    path = os.path.join(WORK.encode(), name if isinstance(name, bytes) else name.encode())
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(content)


def main():
    name = HOSTILE.replace("/", "_") + "\n"
    value = HOSTILE.replace('"', "'").replace("\r", "").encode()
    column = HOSTILE.replace('"', "").replace("\r", "").encode()
    table = column + b",n\n" + (b"%b,1\n%b\xff,2\n%b,x\n" % (value, value, value)) + value + b"\n"
    write(f"data/{name}.csv", table)
    write("data/plain.csv", table)
    write(f"text/{name}.txt", b"line " + HOSTILE.encode() + b"\n\xff\x1b[5m\n")
    write(b"text/\xff\x1b[7m.txt", b"line\n")
    write(f"text/{name}.gz", b"\x1f\x8b broken \x1b[31m")
    write(f"json/{name}.jsonl", b'{"a":"\\u001b[31m\\u0007","b":1}\n{"a":"\x1b","b":2}\n{"\\u001b]0;x\\u0007":1}\n\x1b[2J{\n')
    stages = ('[[stage]]\nuse = "profile"\n[[stage]]\nuse = "examples"\n[[stage]]\nuse = "keep"\nwhere = "$offset < 0"\n'
              '[[stage]]\nuse = "write"\npath = "out.csv"\nlayout = "per_input"\n')
    for folder in ("data", "json", "text"):
        job = f'name = "{folder}\\u001b[31m\\n<b>"\n[input]\npaths = ["{folder}"]\n[run]\nshow = 5\n' + stages
        write(f"{folder}.toml", job.encode())
        for command in (["plan", f"{folder}.toml"], ["run", f"{folder}.toml"], ["report", f"{folder}.run"], ["verify", f"{folder}.run"],
                        ["profile", folder], ["count", folder], ["grep", "1", folder],
                        ["run", f"{folder}.toml", "--replay", f"{folder}.run/bad_records.jsonl"],
                        ["diff", f"{folder}.run", f"{folder}.replay.run"], ["new", folder, "-o", "-"]):
            run(*command)
            if command[0] not in ("verify", "diff"):
                run_on_terminal(*command, *(["--fresh"] if command[0] == "run" else []))
        with open(os.path.join(WORK, f"{folder}.run/report.txt"), "rb") as stream:
            look_at(f"report.txt of {folder}", stream.read())
        with open(os.path.join(WORK, f"{folder}.run/files.tsv"), "rb") as stream:
            look_at(f"files.tsv of {folder}", stream.read().replace(b"\t", b" "))
    run("run", "data.toml", "--fresh", "--set", 'run.on_bad_record="stop"', expect=[3])
    run("run", "data.toml", "--fresh", "--set", 'run.max_rejects="0"', expect=[3])
    write(f"broken/{name}.csv", b'"' + column)
    write("broken.toml", b'[input]\npaths = ["broken"]\n[run]\non_bad_file = "stop"\n[[stage]]\nuse = "count"\n')
    run("run", "broken.toml", expect=[3])
    for words in (["run", HOSTILE], ["count", HOSTILE], ["grep", HOSTILE + "(", "data"], ["report", HOSTILE], ["stages", HOSTILE], [HOSTILE],
                  ["run", "data.toml", "--replay", HOSTILE, "--run-dir", "x"], ["run", "data.toml", "--set", HOSTILE + "=1"],
                  ["run", "data.toml", "--set", f"input.{HOSTILE}=1"], ["diff", HOSTILE, HOSTILE], ["run", "--" + HOSTILE],
                  ["profile", "data", "--columns=" + HOSTILE.replace(",", "")]):
        run(*words, expect=[2])
    # A directory whose name is hostile.
    os.mkdir(os.path.join(WORK, name[:40].encode().decode()))
    run("run", "data.toml", "--run-dir", name[:40] + "/x")
    run("run", "data.toml", "--run-dir", name[:40] + "/x")
    if printed < 20000:
        failures.append(f"only {printed} bytes were printed")


try:
    main()
finally:
    shutil.rmtree(WORK)
print("\n".join(failures) or f"{printed} bytes, none that a terminal would act on")
sys.exit(1 if failures else 0)
