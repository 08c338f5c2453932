"""What scripts/bench measures: jobs on generated data, and what other tools are asked for the same answer."""
import collections, json, os, shutil, subprocess, sys

KINDS = {"log": "log", "csv": "csv", "jsonl": "jsonl", "brc": "txt", "prose": "txt"}  # of bench/generate.cpp, with their extensions

NODE_DUCKDB = """import { DuckDBInstance } from '@duckdb/node-api';
const db = await DuckDBInstance.create(':memory:', { threads: process.env.BENCH_CORES });
const reader = await (await db.connect()).runAndReadAll(process.env.BENCH_QUERY);
console.log(JSON.stringify(reader.getRowsJson()));"""
PYTHON_DUCKDB = """import duckdb, json, os
db = duckdb.connect(config={"threads": int(os.environ["BENCH_CORES"])})
print(json.dumps(db.execute(os.environ["BENCH_QUERY"]).fetchall(), default=str))"""
NODE_POLARS = """import polars from 'nodejs-polars'; const pl = polars.default ?? polars;
const table = await eval(process.env.BENCH_QUERY);
console.log(JSON.stringify(table.rows()));"""
PYTHON = """import glob, json, pandas as pd
%s"""

# One tool that is asked, by a shell command that runs among the data, or a query that finds them in DATA: `answer` makes what it printed comparable, None if it is not compared.
Peer = collections.namedtuple("Peer", "tool against query answer", defaults=[None])
# `ours` makes results.json comparable.
Workload = collections.namedtuple("Workload", "title kind job ours limit peers")


def group(by, *compute):
    return f'[[stage]]\nuse = "group"\nname = "t"\nby = {json.dumps(by)}\ncompute = {json.dumps(compute)}\n'


def last_number(text):
    return int(text.split()[-1])


def total(text):
    return sum(int(line.split(":")[-1].split()[0]) for line in text.splitlines() if not line.endswith("total"))


def rows_of(columns):
    """The first columns of JSON rows, in order."""
    return lambda text: sorted(tuple(map(str, row[:columns])) for row in json.loads(text))


def our_rows(columns):
    return lambda results: sorted(tuple(map(str, row[:columns])) for row in results["tables"][0]["rows"])


def our_first(results):
    return results["tables"][0]["rows"][0][-1]


GREP = '[[stage]]\nuse = "grep"\npatterns = ["{}"]\nfixed = {}\n[[stage]]\nuse = "count"\n'
COUNT = '[[stage]]\nuse = "count"\n'
LINES = "read_csv('%s', delim=chr(1), header=false, quote='', escape='', columns={'l':'varchar'})"
STATUS = "regexp_extract(l, 'status=(\\d+) bytes=(\\d+)', %d)"
STATIONS = ("read_csv('DATA/brc/*', delim=';', header=false, columns={'s':'varchar','t':'double'})")
PANDAS_GROUP = """parts = [pd.read_csv(p).groupby(["region", "product"]).agg(n=("id", "count"), s=("price", "sum"), t=("discount", "sum"), d=("discount", "count"))
         for p in sorted(glob.glob("csv/*.csv"))]
t = pd.concat(parts).groupby(level=[0, 1]).sum()
print(json.dumps([[*key, int(row.n)] for key, row in t.iterrows()]))"""
WORDS = ("ls prose/* | xargs -P{cores} -n4 mawk '{{for(i=1;i<=NF;i++)c[$i]++}}END{{for(w in c)print w,c[w]}}' "
         "| mawk '{{c[$1]+=$2}}END{{m=0;for(w in c)if(c[w]>m)m=c[w];print m}}'")

WORKLOADS = {
    "count_lines": Workload("count lines", "log", COUNT, our_first, "scan", [
        Peer("wc", "`wc -l`, one process a core", "ls log/* | xargs -P{cores} -n4 wc -l", total)]),
    "grep_literal": Workload("lines with a fixed text", "log", GREP.format(" ERROR ", "true"), our_first, "scan", [
        Peer("rg", "ripgrep", "rg -j{cores} -c ' ERROR ' log", total)]),
    "grep_regex": Workload("lines that match a pattern", "log", GREP.format("path=/pay/[0-9]+ status=5", "false"), our_first, "scan", [
        Peer("rg", "ripgrep", "rg -j{cores} -c 'path=/pay/[0-9]+ status=5' log", total)]),
    "log_extract": Workload("group lines by parts that a pattern cuts out", "log",
        "[[stage]]\nuse = \"extract\"\npattern = 'status=(?P<status>\\d+) bytes=(?P<bytes>\\d+)'\ntypes = { status = \"int\", bytes = \"int\" }\n" +
        group(["status"], "count()", "sum(bytes)"), our_rows(3), "scan", [
        Peer("duckdb", "DuckDB", f"select {STATUS % 1} s, count(*), sum({STATUS % 2}::bigint) from {LINES % 'DATA/log/*'} group by s", rows_of(3))]),
    "csv_group": Workload("group CSV by two columns", "csv", group(["region", "product"], "count()", "sum(price)", "mean(discount)"), our_rows(3),
        "scan", [
        Peer("duckdb", "DuckDB", "select region, product, count(*), sum(price), avg(discount) from read_csv('DATA/csv/*.csv') group by all", rows_of(3)),
        Peer("polars", "Polars", "pl.scanCSV('DATA/csv/*.csv').groupBy(['region', 'product']).agg(pl.col('id').count().as('n'), "
             "pl.col('price').sum(), pl.col('discount').mean()).collect()", rows_of(3)),
        Peer("mlr", "Miller", "mlr --icsv --ojson stats1 -a count,sum -f price,discount -g region,product csv/*.csv"),
        Peer("pandas", "pandas", PANDAS_GROUP, rows_of(3))]),
    "csv_profile": Workload("profile every column of CSV", "csv", '[[stage]]\nuse = "profile"\n', None, "scan", [
        Peer("duckdb", "DuckDB `summarize`", "summarize select * from read_csv('DATA/csv/*.csv')")]),
    "jsonl_group": Workload("group JSON lines by two fields", "jsonl", group(["event", "user.country"], "count()", "mean(ms)"), our_rows(3), "scan", [
        Peer("duckdb", "DuckDB", "select event, user.country, count(*), avg(ms) from read_ndjson('DATA/jsonl/*.jsonl') group by all", rows_of(3))]),
    "jsonl_filter_write": Workload("choose JSON lines and write them", "jsonl",
        "[[stage]]\nuse = \"keep\"\nwhere = \"event == 'buy'\"\n[[stage]]\nuse = \"write\"\npath = \"buys.jsonl\"\n", None, "scan", [
        Peer("duckdb", "DuckDB", "copy (select * from read_ndjson('DATA/jsonl/*.jsonl') where event = 'buy') to 'DATA/other_tool.jsonl' (format json)"),
        Peer("jq", "jq, one process a core", "ls jsonl/* | xargs -P{cores} -n1 jq -c 'select(.event == \"buy\")' > other_tool.jsonl")]),
    "brc": Workload("smallest, mean and largest value of each of 400 stations", "brc",
        group(["station"], "count()", "min(temperature)", "mean(temperature)", "max(temperature)"), our_rows(2), "scan", [
        Peer("duckdb", "DuckDB", f"select s, count(*), min(t), avg(t), max(t) from {STATIONS} group by s", rows_of(2))]),
    "words_top": Workload("the most frequent words", "prose",
        '[[stage]]\nuse = "split"\ninto = "word"\n[[stage]]\nuse = "top"\ncolumn = "word"\n', our_first, "scan", [
        Peer("mawk", "mawk, one process a core", WORDS, last_number)]),
    "gz_count": Workload("count lines of gz files", "loggz", COUNT, our_first, "gunzip", [
        Peer("zcat", "zcat and `wc -l`, one pair a core", "ls loggz/* | xargs -P{cores} -n1 sh -c 'zcat $0 | wc -l'", total),
        Peer("duckdb", "DuckDB", f"select count(*) from {LINES % 'DATA/loggz/*.gz'}", lambda text: int(json.loads(text)[0][0]))]),
    "small_files": Workload("count lines of 100,000 files of 4 KiB", "small", COUNT, our_first, None, [
        Peer("wc", "`wc -l`, one process a core", "find small -type f -print0 | xargs -0 -P{cores} -n1000 wc -l", total),
        Peer("rg", "ripgrep", "rg -j{cores} --no-ignore -c '' small", total)]),
}
INPUT = {"brc": 'format = "csv"\ndelimiter = ";"\nheader = false\ncolumns = ["station", "temperature"]\n', "small": 'format = "lines"\n'}


def job_text(workload):
    paths = {"small": "small/**"}.get(workload.kind, workload.kind)
    return f'[input]\npaths = ["{paths}"]\n' + INPUT.get(workload.kind, "") + workload.job


class Tools:
    """Which of the tools are installed, and how they are asked."""

    def __init__(self, folders, env):
        self.env = env
        self.python = next((p for p in ("/usr/bin/python3", sys.executable) if self.imports(p, "pandas")), None)
        self.duckdb = self.find("duckdb", PYTHON_DUCKDB, "@duckdb/node-api", NODE_DUCKDB, folders)
        self.polars = self.find(None, None, "nodejs-polars", NODE_POLARS, folders)

    @staticmethod
    def imports(python, module):
        return bool(shutil.which(python)) and subprocess.run([python, "-c", "import " + module], capture_output=True).returncode == 0

    def find(self, module, python_program, package, node_program, folders):
        """(words, folder to stand in or None): Node finds its modules from where it stands."""
        for python in dict.fromkeys((sys.executable, "python3", "/usr/bin/python3")) if module else ():
            if self.imports(python, module):
                return [python, "-c", python_program], None
        for folder in filter(None, folders):
            if shutil.which("node") and os.path.isdir(os.path.join(folder, "node_modules", package)):
                return ["node", "--input-type=module", "-e", node_program], os.path.abspath(folder)
        return None

    def command(self, peer, data):
        """The shell command; sets what it takes from the environment. None if the tool is not installed."""
        cores = self.env["BENCH_CORES"]
        if peer.tool in ("duckdb", "polars"):
            found = getattr(self, peer.tool)
            if not found:
                return None
            words, folder = found
            query = peer.query.replace("DATA/", data + "/")
            self.env["BENCH_QUERY"] = query
            self.env["POLARS_MAX_THREADS"] = cores
            return (f"cd {quoted(folder)} && " if folder else "") + " ".join(map(quoted, words))
        if peer.tool == "pandas":
            return self.python and f"{self.python} -c {quoted(PYTHON % peer.query)}"
        return peer.query.format(cores=cores) if shutil.which(peer.tool) else None


def quoted(word):
    return "'" + word.replace("'", "'\\''") + "'"
