"""What each thing that a job asks for costs: nanoseconds of one core for a record, on the data of scripts/bench."""
import json, os, resource, shutil, statistics, subprocess

from workloads import INPUT, group

FORMATS = {"log": "lines", "csv": "csv", "jsonl": "jsonl", "prose": "lines"}


def stage(use, **options):
    return f'[[stage]]\nuse = "{use}"\n' + "".join(f"{key} = {json.dumps(value)}\n" for key, value in options.items())


COUNT = stage("count")
BY_ONE = group(["region"], "count()")
EXTRACT = stage("extract", pattern=r"status=(?P<status>\d+) bytes=(?P<bytes>\d+)")
# (kind, what, stages, what it is compared with: another one's `what`, "" for nothing)
COSTS = [
    ("log", "count lines", COUNT, ""),
    ("log", "`grep`, a fixed text in 1 of 9 lines", stage("grep", patterns=[" ERROR "], fixed=True) + COUNT, "count lines"),
    ("log", "`grep`, a pattern with a fixed part", stage("grep", patterns=["path=/pay/[0-9]+ status=5"]) + COUNT, "count lines"),
    ("log", "`grep`, a pattern without one", stage("grep", patterns=["[A-Z]{5} .*[57]{3}"]) + COUNT, "count lines"),
    ("log", "`grep`, 1,000 fixed texts", stage("grep", patterns=[f"/{i:03}7{i % 10} " for i in range(1000)], fixed=True) + COUNT, "count lines"),
    ("log", "`extract`, two groups as text", EXTRACT + group(["status"], "count()"), "count lines"),
    ("log", "the same, and a sum of one of them", EXTRACT + 'types = { bytes = "int" }\n' + group(["status"], "count()", "sum(bytes)"), "count lines"),
    ("prose", "`split` into words and `top`", stage("split", into="word") + stage("top", column="word"), ""),
    ("csv", "count records", COUNT, ""),
    ("csv", "`group` by a short text, 4 groups", BY_ONE, "count records"),
    ("csv", "`group` by two texts, 28 groups", group(["region", "product"], "count()"), "count records"),
    ("csv", "`group` by an int, a group for each record", group(["id"], "count()"), "count records"),
    ("csv", "`sum` of an int", group(["region"], "count()", "sum(quantity)"), "`group` by a short text, 4 groups"),
    ("csv", "`sum` of a float", group(["region"], "count()", "sum(price)"), "`group` by a short text, 4 groups"),
    ("csv", "`mean`, `min` and `max` of that float", group(["region"], "count()", "mean(price)", "min(price)", "max(price)"),
     "`group` by a short text, 4 groups"),
    ("csv", "`std` of a float", group(["region"], "count()", "std(price)"), "`group` by a short text, 4 groups"),
    ("csv", "`p99` of a float", group(["region"], "count()", "p99(price)"), "`group` by a short text, 4 groups"),
    ("csv", "`distinct` of a text with 7 values", group(["region"], "count()", "distinct(product)"), "`group` by a short text, 4 groups"),
    ("csv", "`distinct` of an int with as many values as records", group(["region"], "count()", "distinct(id)"), "`group` by a short text, 4 groups"),
    ("csv", "`keep` by a comparison of a float", stage("keep", where="price > 290") + COUNT, "count records"),
    ("csv", "`keep` by `matches`", stage("keep", where="matches(product, '^no.*k$')") + COUNT, "count records"),
    ("csv", "`profile` of seven columns", stage("profile"), "count records"),
    ("csv", "`write` as CSV, untouched", stage("write", path="x.csv"), "count records"),
    ("csv", "`write` as JSON lines", stage("write", path="x.jsonl"), "count records"),
    ("csv", "`write` as CSV, gz", stage("write", path="x.csv.gz"), "count records"),
    ("csv", "`write` as CSV, zst", stage("write", path="x.csv.zst"), "count records"),
    ("csv", "`write` as HDF5, deflate", stage("write", path="x.h5"), "count records"),
    ("jsonl", "count records", COUNT, ""),
    ("jsonl", "`group` by two fields, a mean", group(["event", "user.country"], "count()", "mean(ms)"), "count records"),
]


def used():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def core_seconds(program, data, run_dir, kind, stages):
    """Of user and system for the whole process, one worker; and its records."""
    job = os.path.join(data, "cost.toml")
    with open(job, "w") as stream:
        stream.write(f'[input]\npaths = ["{kind}"]\nformat = "{FORMATS[kind]}"\n' + INPUT.get(kind, "") + stages)
    shutil.rmtree(run_dir, ignore_errors=True)
    before = used()
    subprocess.run([program, "run", job, "--run-dir", run_dir, "--quiet", "--threads", "1"], check=True, cwd=data)
    seconds = used() - before
    with open(os.path.join(run_dir, "run.json")) as stream:
        records = json.load(stream)["records"]
    shutil.rmtree(run_dir)
    return seconds, records


def costs(program, data, runs):
    """Prints a row each; `make_data` was called."""
    run_dir = os.path.join(data, "cost.run")
    each = {}
    print("| data | what | ns a record | beside |\n|---|---|---|---|")
    for kind, what, stages, base in COSTS:
        took = [core_seconds(program, data, run_dir, kind, stages) for _ in range(runs)]
        each[kind, what] = statistics.median(seconds for seconds, _ in took) / took[0][1] * 1e9
        print(f"| {kind} | {what} | {each[kind, what] - (each[kind, base] if base else 0):,.1f} | {base} |", flush=True)
