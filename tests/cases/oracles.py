#!/usr/bin/env python3
"""Compares shardmill's answers with the published ones of TPC-H and of the one billion row challenge, to the last digit.

  oracles.py SHARDMILL [DATA]

The jobs stand beside this file: tpch/*.toml and 1brc.toml. Data of its own making is always compared, with answers from
decimal arithmetic; the public files of DATA (see its README) too where they are present. Every job runs over the packed
files and over cut ones. Exits 1 and says what differs if any answer differs.
"""
import datetime, glob, gzip, json, math, os, random, shutil, subprocess, sys, tempfile
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

SHARDMILL = os.path.abspath(sys.argv[1])
DATA = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 and os.path.isdir(sys.argv[2]) else None
CASES = os.path.dirname(os.path.abspath(__file__))
WORK = tempfile.mkdtemp(prefix="shardmill-oracles-")
failures = compared = 0


def check(what, found, expected):
    global failures, compared
    compared += 1
    if found == expected and found:
        return print(f"ok      {what}")
    failures += 1
    print(f"DIFFERS {what}")
    for a, b in zip(found, expected):
        if a != b:
            print(f"  found    {a}\n  expected {b}")
    if len(found) != len(expected):
        print(f"  found {len(found)} rows, expected {len(expected)}")


def answer(job, folder, *options):
    """The rows of a job that is run in `folder`, numbers as they are printed; null is None."""
    run_dir = tempfile.mkdtemp(dir=WORK)
    done = subprocess.run([SHARDMILL, "run", os.path.join(CASES, job), "--run-dir", run_dir, "--quiet", *options],
                          cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        sys.exit(f"shardmill failed ({done.returncode}) on {job} in {folder}:\n{done.stdout}")
    with open(os.path.join(run_dir, "results.json")) as stream:
        results = json.load(stream, parse_int=Decimal, parse_float=Decimal)
    assert results["inputs"]["bad_records"] == 0 and "bad_values" not in results, f"{job}: values that were not read"
    shutil.rmtree(run_dir)
    return next(table["rows"] for table in results["tables"] if table["name"] == "answer")


def unpacked(path):
    name = os.path.join(WORK, os.path.basename(os.path.dirname(path)) + "-" + os.path.basename(path)[:-3])
    with gzip.open(path) as source, open(name, "wb") as out:
        shutil.copyfileobj(source, out)
    return name


def double(value):
    """The double nearest to an exact number, as the shortest decimal that reads back as it."""
    return Decimal(repr(float(value)))


# TPC-H

def q05(rows):
    """By revenue, the largest first; the job counts ten thousandths."""
    return sorted(([name, revenue.scaleb(-4)] for name, revenue in rows), key=lambda row: -row[1])


def q14(rows):
    [[promoted, revenue]] = rows
    return [[double(100 * Fraction(promoted) / Fraction(revenue))]]


def q01_exact(rows):
    """The job counts cents, percents and their products."""
    return [[flag, status, quantity, cents.scaleb(-2), price.scaleb(-4), charge.scaleb(-6), double(Fraction(quantity) / n),
             double(Fraction(cents) / (100 * n)), double(Fraction(percent) / (100 * n)), n]
            for flag, status, quantity, cents, price, charge, percent, n in ([*row[:7], int(row[7])] for row in rows)]


QUERIES = {"q01": list, "q01_exact": q01_exact, "q05": q05, "q06": list, "q12": list, "q14": q14}
IN_DOUBLES = ("q01", "q06", "q14")


def unless_far(found, expected):
    """What is expected, where a double that was found is at most its neighbour."""
    def near(a, b):
        return isinstance(a, Decimal) and abs(float(a) - float(b)) <= math.ulp(float(b))
    if len(found) != len(expected):
        return found
    return [[b if near(a, b) else a for a, b in zip(*rows)] for rows in zip(found, expected)]


def check_tpch(what, folder, answers, all_digits):
    """Without `all_digits` answers that are computed in doubles may be one off in the last bit."""
    answers["q01_exact"] = answers["q01"]
    plain = unpacked(os.path.join(folder, "lineitem.tbl.gz"))
    for query, shape in QUERIES.items():
        for layout, options in (("packed", ("--threads", "1")),
                                ("cut", ("--threads", "3", "--set", f"input.paths={json.dumps([plain])}",
                                         "--set", "input.unit_bytes=64KiB", "--set", "input.chunk_bytes=4KiB"))):
            found = shape(answer(f"tpch/{query}.toml", folder, *options))
            if not all_digits and query in IN_DOUBLES:
                found = unless_far(found, answers[query])
            check(f"{what} {query}, {layout}", found, answers[query])


def published(path):
    """The rows of an answer: numbers as decimals, all digits counting, other fields as text."""
    def value(text):
        try:
            return Decimal(text)
        except ArithmeticError:
            return text
    with open(path) as stream:
        return [[value(field) for field in line.split("|")] for line in stream.read().splitlines()[1:]]


def made_tpch(folder, seed):
    """Tables as TPC-H has them, only small, and the answers by exact arithmetic."""
    rng, day = random.Random(seed), datetime.date
    nations = [(i, name, i % 3) for i, name in enumerate("PERU CHINA KENYA CHILE INDIA EGYPT BRAZIL JAPAN GHANA".split())]
    tables = {"region": [(i, name, "text", "") for i, name in enumerate(["AMERICA", "ASIA", "AFRICA"])],
              "nation": [(*nation, "a \"comment", "") for nation in nations],
              "supplier": [(i, "s", "a, b", rng.randrange(9), "p", "1.00", "c", "") for i in range(1, 40)],
              "customer": [(i, "c", "a", rng.randrange(9), "p", "-1.00", "BUILDING", "c", "") for i in range(1, 200)],
              "part": [(i, "n", "m", "b", rng.choice(["PROMO", "SMALL"]) + " TIN", 1, "JUMBO", "1.00", "c", "")
                       for i in range(1, 300)],
              "orders": [(i * 5, rng.randrange(1, 200), "O", "1.00", day(1992, 1, 1) + datetime.timedelta(rng.randrange(2500)),
                          rng.choice(["1-URGENT", "2-HIGH", "3-MEDIUM", "5-LOW"]), "c", 0, "c", "") for i in range(1, 1500)]}
    lines = []
    for order in tables["orders"]:
        for number in range(rng.randrange(1, 7)):
            shipped = order[4] + datetime.timedelta(rng.randrange(1, 120))
            lines.append((order[0], rng.randrange(1, 300), rng.randrange(1, 40), number, rng.randrange(1, 51),
                          Decimal(rng.randrange(90000, 10500000)) / 100, Decimal(rng.randrange(11)) / 100,
                          Decimal(rng.randrange(9)) / 100, rng.choice("ANR"), rng.choice("FO"), shipped,
                          order[4] + datetime.timedelta(rng.randrange(30, 90)),
                          shipped + datetime.timedelta(rng.randrange(1, 30)), "NONE",
                          rng.choice(["MAIL", "SHIP", "AIR"]), "text", ""))
    tables["lineitem"] = lines
    for name, rows in tables.items():
        with gzip.open(os.path.join(folder, name + ".tbl.gz"), "wt") as out:
            out.writelines("|".join(map(str, row)) + "\n" for row in rows)
    return expected_answers(tables)


def expected_answers(tables):
    by_key = {name: {row[0]: row for row in rows} for name, rows in tables.items() if name != "lineitem"}
    first, late = defaultdict(list), defaultdict(lambda: [0, 0])
    revenue5, revenue6, promoted, revenue14 = defaultdict(Decimal), Decimal(0), Decimal(0), Decimal(0)
    for line in tables["lineitem"]:
        order, _, supplier, _, quantity, price, discount, _, flag, status, shipped, committed, received, _, mode = line[:15]
        order, revenue = by_key["orders"][order], price * (1 - discount)
        if str(shipped) <= "1998-09-02":
            first[flag, status].append(line)
        customer_nation = by_key["customer"][order[1]][3]
        nation = by_key["nation"][by_key["supplier"][supplier][3]]
        if order[4].year == 1994 and nation[0] == customer_nation and by_key["region"][nation[2]][1] == "ASIA":
            revenue5[nation[1]] += revenue
        if shipped.year == 1994 and Decimal("0.05") <= discount <= Decimal("0.07") and quantity < 24:
            revenue6 += price * discount
        if mode in ("MAIL", "SHIP") and shipped < committed < received and received.year == 1994:
            late[mode][0 if order[5] in ("1-URGENT", "2-HIGH") else 1] += 1
        if (shipped.year, shipped.month) == (1995, 9):
            revenue14 += revenue
            promoted += revenue if by_key["part"][line[1]][4].startswith("PROMO") else 0
    rows1 = []
    for key, lines in sorted(first.items()):
        sums = [sum(values) for values in zip(*((line[4], line[5], line[5] * (1 - line[6]), line[5] * (1 - line[6]) *
                                                 (1 + line[7]), line[6]) for line in lines))]
        means = [double(Fraction(value) / len(lines)) for value in (sums[0], sums[1], sums[4])]
        rows1.append([*key, *map(Decimal, sums[:4]), *means, Decimal(len(lines))])
    return {"q01": rows1, "q05": sorted(([*row] for row in revenue5.items()), key=lambda row: -row[1]),
            "q06": [[revenue6]], "q12": [[mode, *map(Decimal, counts)] for mode, counts in sorted(late.items())],
            "q14": [[double(100 * Fraction(promoted) / Fraction(revenue14))]]}


# The one billion row challenge

def tenths_text(tenths):
    return f"{'-' if tenths < 0 else ''}{abs(tenths) // 10}.{abs(tenths) % 10}"


def half_up(value):
    return int((value + Decimal("0.5")).to_integral_value("ROUND_FLOOR"))


def station_order(name):
    """Java compares texts by UTF-16 units."""
    return name.encode("utf-16-be", "surrogatepass")


def check_1brc(what, path, expected):
    for layout, options in (("whole", ("--threads", "1")),
                            ("cut", ("--threads", "3", "--set", "input.unit_bytes=1KiB", "--set", "input.chunk_bytes=64"))):
        rows = answer("1brc.toml", WORK, "--set", f"input.paths={json.dumps([path])}", *options)
        found = {name: "/".join(map(tenths_text, (half_up(low * 10), half_up(mean), half_up(high * 10))))
                 for name, low, mean, high in rows}
        text = "{" + ", ".join(f"{name}={found[name]}" for name in sorted(found, key=station_order)) + "}"
        check(f"{what}, {layout}", text.split(", "), expected.strip().split(", "))


def made_1brc(path, seed):
    """Stations with means that end in exactly half a tenth, below and above zero, and in a little less."""
    rng, values = random.Random(seed), defaultdict(list)
    values["Up"], values["Down"], values["Zero"] = [1, 2], [-2, -1], [-1, 0]
    values["Nearly"] = [5] * 9_999 + [-5] * 1 + [4] * 9_999 + [14] * 1
    for name in ("Ségou", "Xi'an", '"quoted" name', "平和", "\U0001f30d", "\uff21", "." * 100):
        values[name] = [rng.randrange(-999, 1000) for _ in range(rng.randrange(1, 500))]
    lines = [f"{name};{tenths_text(value)}\n" for name, list_of in values.items() for value in list_of]
    rng.shuffle(lines)
    with open(path, "w") as out:
        out.writelines(lines)
    return "{" + ", ".join(
        f"{name}=" + "/".join(map(tenths_text, (min(v), (2 * sum(v) + len(v)) // (2 * len(v)), max(v))))
        for name, v in sorted(values.items(), key=lambda item: station_order(item[0]))) + "}"


def main():
    for seed in (1, 2):
        folder = tempfile.mkdtemp(dir=WORK)
        check_tpch(f"made tables {seed}", folder, made_tpch(folder, seed), all_digits=False)
        path = os.path.join(WORK, f"made-{seed}.txt")
        check_1brc(f"made measurements {seed}", path, made_1brc(path, seed))
    if DATA:
        oracles = os.path.join(DATA, "oracles")
        answers = {query: published(f"{oracles}/tpch/answers-sf0.01/{query}.csv")
                   for query in ("q01", "q05", "q06", "q12", "q14")}
        check_tpch("tpch sf0.01", f"{oracles}/tpch/sf-0.01", answers, all_digits=True)
        samples = sorted(glob.glob(f"{oracles}/1brc/**/measurements*.txt", recursive=True))
        assert len(samples) > 10, "there are no measurements in " + oracles
        for path in samples:
            with open(path[:-4] + ".out") as stream:
                check_1brc("1brc " + os.path.basename(path), path, stream.read())
    shutil.rmtree(WORK)
    print(f"{compared} answers compared{'' if DATA else ' (own data only)'}, {failures} differ")
    sys.exit(1 if failures else 0)


main()
