#!/usr/bin/env python3
"""`shardmill new` on the examples and on hostile names: what it writes plans and runs, with its comments and without them.

  new_jobs.py SHARDMILL EXAMPLES
"""
import gzip, json, os, re, shutil, subprocess, sys, tempfile

PROGRAM, EXAMPLES = (os.path.abspath(path) for path in sys.argv[1:3])
WORK = tempfile.mkdtemp(prefix="shardmill-new-")
problems, jobs = [], 0


def run(*words, folder):
    done = subprocess.run([PROGRAM, *words], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120)
    return done.returncode, done.stdout.decode("utf-8", "surrogateescape")


def check(truth, what):
    if not truth:
        problems.append(what)


def with_ideas(text):
    """The job with the stages that stand in comments."""
    lines = []
    for line in text.split("\n"):
        in_idea = line.startswith("# [[") or line.startswith("# [run]") or (lines and lines[-1][1] and line.startswith("# "))
        lines.append((line[2:] if in_idea else line, in_idea))
    return "\n".join(line for line, _ in lines).replace("# types =", "types =").replace("strict = true", "strict = false")


def job_of(paths, folder, wanted=None, job="made.toml"):
    """Makes a job for `paths`, and runs it as it is and with all of its ideas; `wanted`: files that it must read."""
    global jobs
    jobs += 1
    code, said = run("new", "-o", job, "--", *paths, folder=folder)
    check(code == 0, f"new {paths} in {folder} ended with {code}: {said}")
    if code != 0:
        return None
    check(said.startswith("wrote ") and said.count("\n") == 1, f"new {paths} printed {said}")
    with open(os.path.join(os.fsencode(folder), os.fsencode(job)), encoding="utf-8") as stream:  # job files are UTF-8
        text = stream.read()
    ideas = with_ideas(text)
    check(ideas != text, f"{paths}: no idea in a comment")
    ideas_file = os.path.join(tempfile.mkdtemp(dir=WORK), "ideas.toml")
    with open(ideas_file, "w") as stream:
        stream.write(ideas)
    found = None
    for name, run_dir in ((job, os.path.join(tempfile.mkdtemp(dir=WORK), "run")), (ideas_file, ideas_file + ".run")):
        commands = [("run", name, "--quiet", "--run-dir", run_dir)]
        for command in ([("plan", name)] if name == job else []) + commands:
            code, said = run(*command, folder=folder)
            check(code == 0, f"{command[0]} of the job for {paths} ended with {code}: {said}\n{text[:3000]}")
        if code == 0 and found is None:
            with open(os.path.join(run_dir, "results.json")) as stream:
                found = json.load(stream)["inputs"]
    if wanted is not None and found is not None:
        check(found["files"] == wanted, f"{paths}: {found['files']} files, expected {wanted}\n{text}")
        check(found["bad_files"] == 0, f"{paths}: bad files: {found}")
    return text


def write(folder, name, content):
    path = os.path.join(os.fsencode(folder), name if isinstance(name, bytes) else os.fsencode(name))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as stream:
        stream.write(content)


def new_folder():
    return tempfile.mkdtemp(dir=WORK)


def examples():
    folder = new_folder()
    os.symlink(EXAMPLES, os.path.join(folder, "examples"))
    below = [os.path.relpath(path, EXAMPLES) for path, _, _ in os.walk(EXAMPLES)]
    for number, path in enumerate(sorted(below)):
        job_of([os.path.normpath(os.path.join("examples", path))], folder, job=f"job{number}.toml")
    text = job_of(["examples/sales"], folder, 6, job="sales.toml")
    for part in ('paths   = ["examples/sales"]', 'exclude = ["*.toml"]', '#   region      text   4 different, mostly "north"',
                 'by      = ["region"]', '"mean(qty)"', "# where = \"region == 'north'\""):
        check(part in text, f"{part} is not in\n{text}")


TABLE = b"name,size\na,1\nb,2\na,3\nb,4\n"


def hostile_names():
    names = ["with space.csv", 'quote".csv', "single'.csv", "back`quote.csv", "new\nline.csv", "tab\t.csv", "back\\slash.csv", "a[1].csv",
             "star*.csv", "what?.csv", "!not.csv", "-dash.csv", "#hash.csv", "{brace}.csv", "ümlaut 東京.csv", "\x01\x7f.csv", "%s$HOME.csv",
             "x..csv.csv", "a.b.c.CSV", os.fsdecode(b"not \xff\xfe utf8.csv"), "x" * 200 + ".csv"]
    for name in names:
        folder = new_folder()
        write(folder, name, TABLE)
        write(folder, "xx.csv", TABLE)          # would be matched by patterns that are not escaped
        write(folder, "a1.csv", TABLE)
        job_of([name], folder, 1)
        odd = os.path.join("data", name)         # the same as the name of a folder
        write(folder, os.path.join(odd, "part.csv"), TABLE)
        write(folder, os.path.join(odd, "other.json.txt"), b"hello\n")
        job_of([odd], folder, 1, job="folder.toml")
        job_of(["./" + name, "data/", "xx.csv"], folder, 3, job="many.toml")
        if os.fsencode(name).isascii():          # the job's own name is hostile too
            job_of(["xx.csv"], folder, 1, job="job " + name[:150] + ".toml")
    folder = new_folder()
    for name in names:
        write(folder, name, TABLE)
        write(folder, os.path.join("logs", name + ".txt"), b"one line\n")
    job_of(["."], folder, len(names), job="all.toml")          # the job is in the folder that it reads
    job_of(["."], folder, len(names), job="again.toml")
    job_of(names, folder, len(names), job="named.toml")
    job_of(["*.csv"], folder, len(names) - 1, job="pattern.toml")      # a.b.c.CSV is no *.csv
    default = new_folder()
    write(default, os.fsdecode(b"\xff\n.csv"), TABLE)
    code, said = run("new", os.fsdecode(b"\xff\n.csv"), folder=default)
    check(code == 0 and os.path.exists(os.path.join(default, "job.toml")), f"the default name of a hostile path: {said}")


def hostile_columns():
    heads = ["`", "``x`", "a b", "or", "null", "True", "if", "time", "a,b", '"q"', "new\nline", "tab\t", "1st", "a-b", "x=y", "f(x)", "count()", "ü", "$file",
             ".", "a.", "a..b", "'", "\\", "#", "]", "day", "rounded", "characters", "{x}", "", "\x01", "x" * 300]
    for number, head in enumerate(heads + [b"\xff"]):
        raw = head if isinstance(head, bytes) else head.encode()
        quoted = b'"' + raw.replace(b'"', b'""') + b'"'
        kinds = (("text", [b"it's", b"it's", b'"" \\', b"it's", b'"" \\']), ("number", [b"1.5", b"2.25", b"1e300", b"-3.5", b"0.5"]),
                             ("time", [b"2020-01-01", b"2020-01-02", b"2020-01-01", b"2020-01-01", b"2020-01-02"]),
                             ("bytes", [b"\xff", b"\xff", b"a\nb", b"\xff", b"a\nb"]))
        for _, values in (kinds[number % 4], kinds[(number + 1) % 4]):
            folder = new_folder()
            write(folder, "t.csv", quoted + b",other\n" + b"".join(b'"' + value + b'",z\n' for value in values))
            job_of(["t.csv"], folder, 1)
    folder = new_folder()
    write(folder, "t.csv", b",".join(b"c%d" % i for i in range(5000)) + b"\n" + b",".join(b"%d" % i for i in range(5000)) + b"\n")
    text = job_of(["t.csv"], folder, 1)
    check('#   and 4,900 more, which "shardmill plan" shows' in text, "5,000 columns")
    folder = new_folder()
    rows = [{key: {"in": i % 2, "n'\n`": "it's"}, "list": [1]} for i in range(6) for key in ("a.b", "x y", "é\n")]
    write(folder, "t.jsonl", "\n".join(json.dumps(row) for row in rows).encode())
    job_of(["t.jsonl"], folder, 1)


def odd_content():
    cases = {"empty.csv": b"", "header.csv": b"a,b\n", "one.csv": b"a\n1\n", "empty.jsonl": b"", "objects.jsonl": b"{}\n{}\n", "empty.log": b"",
             "broken.jsonl": b'{"a": 1}\n{"a"\n[1]\n', "zeros.bin": bytes(10000), "crlf.csv": b"a,b\r\nx,1\r\nx,2\r\ny,3\r\n", "bom.csv": b"\xef\xbb\xbfa,b\nx,1\n",
             "tabs.tsv": b"a\tb\nx\t1\nx\t2\ny\t3\ny\t5\n", "same.csv": b"a,a,a_2\n1,2,3\n", "wide.csv": b"a,b\n1,2,3,4\n1\n", "packed.csv.gz": gzip.compress(TABLE),
             "nothing.csv.gz": b"", "words.txt": "naïve\n\n\n".encode() * 3, "nan.csv": b"x,y\nnan,inf\nnan,-inf\n", "big.csv": b"x\n" + b"9223372036854775807\n" * 5}
    for name, content in cases.items():
        folder = new_folder()
        write(folder, name, content)
        job_of([name], folder, 1)
        write(folder, "data/" + name, content)
        write(folder, "data/README", b"a short text")
        job_of(["data"], folder, job="folder.toml")
    dialects = {b"name;size\na;1\nb;2,5\na;3\n": 'delimiter = ";"', b"name|size\na|1\nb|2\na|3\n": 'delimiter = "|"',
                b"name\tsize\na\t1\n": 'delimiter = "\\t"', b"1,2.5,2020-01-01\n3,4.5,2020-01-02\n": "header  = false",
                b"1;2\n3;4\n": 'delimiter = ";"\nheader  = false', b"1\n2\n": "header  = false"}
    for content, lines in dialects.items():
        folder = new_folder()
        write(folder, "t.csv", content)
        text = job_of(["t.csv"], folder, 1)
        check(f'format  = "csv"\n{lines}\n' in text, f"{content}: no {lines} in\n{text}")
    folder = new_folder()
    write(folder, "data/big.csv", TABLE * 10)
    write(folder, "data/README", b"read me\n")
    write(folder, "data/deep/README", b"read me\n")
    write(folder, "data/notes.csv/READ[1]ME", b"read me\n")
    write(folder, "data/a.json.log", b"x\n")
    text = job_of(["data"], folder, 1)
    check(all(part in text for part in ('"data/README"', '"data/notes.csv/READ\\\\[1\\\\]ME"', '"*.log"', "4 files of other formats")), text)
    job_of([os.path.join(folder, "data")], folder, 1, job="absolute.toml")
    job_of(["data/README", "data/big.csv"], folder, 1, job="two.toml")
    for number in range(3):                      # the jobs before and what their runs left are no input
        write(folder, f"data/first{number}.toml", b"# a comment\n" * 1000)
        check(run("run", "made.toml", "--quiet", "--run-dir", f"data/{number}.run", folder=folder)[0] == 0, "the run below the data")
        job_of(["data"], folder, 1, job=f"data/next{number}.toml")
        job_of(["data/" + os.listdir(os.path.join(folder, "data"))[0]], folder, job=f"alone{number}.toml")
    for number in range(150):
        write(folder, f"many/{number}.csv", TABLE)
    text = job_of([f"many/{number}.csv" for number in range(150)], folder, 150, job="many.toml")
    check('files_from = "many.files"' in text, text)


def never_overwrites():
    folder = new_folder()
    write(folder, "t.csv", TABLE)
    write(folder, "mine.toml", b"precious")
    for words in (["t.csv", "-o", "mine.toml"], ["t.csv", "-o", "mine"], ["mine.toml", "-o", "mine"]):
        code, said = run("new", *words, folder=folder)
        check(code == 2 and said.count("\n") == 1, f"new {words} ended with {code}: {said}")
    code, said = run("new", "mine.toml", "-o", "mine", "--force", folder=folder)
    check(code == 2 and "would replace a file that it reads" in said, said)
    with open(os.path.join(folder, "mine.toml"), "rb") as stream:
        check(stream.read() == b"precious", "mine.toml was written to")
    code, said = run("new", "t.csv", "--force", "-o", "mine", folder=folder)
    check(code == 0 and run("run", "mine.toml", "--quiet", folder=folder)[0] == 0, said)
    os.symlink("t.csv", os.path.join(folder, "t.toml"))
    check(run("new", "t.csv", folder=folder)[0] == 2, "a link in the way was followed")
    before = sorted(os.listdir(folder))
    code, said = run("new", "t.csv", "-o", "-", folder=folder)
    check(code == 0 and said.startswith('name = "t"\n'), said)
    code, said = run("new", "gone.csv", folder=folder)
    check(code == 2 and said.startswith('shardmill new: there is no input "gone.csv"'), said)
    check(sorted(os.listdir(folder)) == before, "printing or refusing left files behind")


for case in (examples, hostile_names, hostile_columns, odd_content, never_overwrites):
    case()
shutil.rmtree(WORK)
for problem in problems:
    print(problem.encode("utf-8", "backslashreplace").decode(), file=sys.stderr)
print(f"{jobs} jobs, {len(problems)} problems")
sys.exit(1 if problems else 0)
