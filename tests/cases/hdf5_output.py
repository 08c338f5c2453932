#!/usr/bin/env python3
"""Files that `write` makes as .h5 hold, as h5py reads them, what the same job writes as JSON lines; and an output in shards is
what the same output in one file is, wherever its folder stands.

    tests/cases/hdf5_output.py SHARDMILL
"""
import base64
import json
import math
import os
import subprocess
import sys
import tempfile

import h5py
import numpy
import pandas

JOB = """
name = "rows as columns"
[input]
paths = ["{data}"]
format = "csv"
types = {{ when = "time", small = "int" }}
unit_bytes = "64KiB"
[[stage]]
use = "derive"
columns = {{ even = "id % 2 == 0" }}
[[stage]]
use = "write"
path = "rows.jsonl"
[[stage]]
use = "write"
path = "rows.h5"
{options}
[[stage]]
use = "write"
path = "each/*.h5"
layout = "per_input"
[[stage]]
use = "write"
path = "by/{{small}}.h5"
"""

UNIT = "nanoseconds since 1970-01-01T00:00:00Z"


def make_data(folder):
    os.mkdir(folder)
    text = ["plain", "", "caf\u00e9 \u2713", "a,b", "line\none", "x" * 128, "\u00e9" * 40]
    for number, rows in enumerate((70000, 1, 0, 33)):
        with open(os.path.join(folder, f"part {number}.csv"), "w", newline="") as out:
            out.write("id,small,amount,when,text,a/b,long\n")
            for i in range(rows):
                small = "" if i % 7 == 3 else i % 3
                amount = "" if i % 11 == 5 else repr(i / 8 if i % 13 else -0.0)
                when = "" if i % 17 == 1 else f"2026-01-{1 + i % 28:02}T00:00:00.{i:09}Z"
                quoted = '"' + text[i % len(text)].replace('"', '""') + '"'
                long = "y" * 500 if i % 1000 == 0 else "z"
                out.write(f"{i},{small},{amount},{when},{quoted},{i * i},{long}\n")
        if number == 3:
            with open(os.path.join(folder, f"part {number}.csv"), "ab") as out:
                out.write(b'7,,,,"not \xff UTF-8",1,z\n8,,,,"nul \x00 byte",1,z\n')


def run(shardmill, folder, options, *more):
    job = os.path.join(folder, "job.toml")
    with open(job, "w") as out:
        out.write(JOB.format(data=os.path.join(folder, "data"), options=options))
    target = os.path.join(folder, "run")
    subprocess.run([shardmill, "run", job, "--run-dir", target, "--quiet", "--fresh", *more],
                   check=True)
    return os.path.join(target, "output")


def bytes_of(text):
    return base64.b64decode(text["base64"]) if isinstance(text, dict) else text.encode()


def value_of(cell, mask, row):
    if mask is not None and mask[row]:
        return None
    if isinstance(cell, bytes):
        text = cell.decode()
        return bytes_of(json.loads(text) if text.startswith('{"base64"') else text)
    if isinstance(cell, (numpy.bool_, bool)):
        return bool(cell)
    return cell.item()


def read_h5(path):
    with h5py.File(path) as file:
        names = list(file.attrs["columns"])
        columns = {}
        for name in names:
            dataset = file[name]
            assert dataset.maxshape == (None,), path
            values, mask = dataset[:], None
            if "nulls" in file and name in file["nulls"]:
                mask = file["nulls"][name][:]
                assert mask.dtype == bool and len(mask) == len(values)
            if dataset.attrs["type"] == "time":
                assert dataset.attrs["unit"] == UNIT
                values = values.view("M8[ns]")
            columns[dataset.attrs["name"]] = (values, mask)
        rows = int(file.attrs["rows"])
        for values, _ in columns.values():
            assert len(values) == rows
        frame = pandas.DataFrame({name: file[name][:] for name in names})
        assert len(frame) == rows
    return rows, columns


def expected_cell(name, value):
    if name == "when" and value is not None:
        return pandas.Timestamp(value).value
    return bytes_of(value) if isinstance(value, (str, dict)) else value


def compare(rows, columns, expected):
    assert rows == len(expected), (rows, len(expected))
    for name, (values, mask) in columns.items():
        is_time = values.dtype.kind == "M"
        numbers = values.view("i8") if is_time else values
        for row, record in enumerate(expected):
            want = expected_cell(name, record[name])
            found = value_of(numbers[row], mask, row)
            same = found == want and (not isinstance(want, float) or math.copysign(1, found) == math.copysign(1, want))
            assert same, (name, row, found, want)
            if want is None and values.dtype.kind == "f":
                assert math.isnan(values[row])


def check_storage(path, compressed, texts):
    with h5py.File(path) as file:
        assert file["id"].chunks[0] in (8192, 16384, 32768) and file["id"].shuffle == compressed
        assert file["id"].compression == ("gzip" if compressed else None)
        kinds = {name: h5py.check_string_dtype(file[name].dtype).length for name in ("text", "long")}
        assert kinds == texts, kinds
        assert file.attrs["job"] == "rows as columns" and len(file.attrs["inputs"]) == 16


SHARDS_JOB = """
name = "in shards"
[input]
paths = ["{data}"]
format = "csv"
types = {{ when = "time", small = "int" }}
[[stage]]
use = "derive"
columns = {{ "100%" = "id * 2", "a%b" = "id / 8" }}
[[stage]]
use = "write"
path = "o/one.h5"
[[stage]]
use = "write"
path = "o/of %b 5%.h5"
shards = {shards}
{options}
"""
ROWS_BACK = """
name = "rows back"
[input]
paths = ["{path}"]
{options}
[[stage]]
use = "write"
path = "back.jsonl"
"""


def run_job(shardmill, folder, name, text):
    """Returns the run's folder."""
    job, target = os.path.join(folder, name + ".toml"), os.path.join(folder, name + ".run")
    with open(job, "w") as out:
        out.write(text)
    subprocess.run([shardmill, "run", job, "--run-dir", target, "--quiet", "--fresh"], check=True)
    return target


def attributes(node):
    return {name: value.tolist() if isinstance(value, numpy.ndarray) else value for name, value in node.attrs.items()}


def all_nodes(file):
    names = []
    file.visit(names.append)
    return names


def assert_same_dataset(one, other, name):
    assert one.dtype == other.dtype and one.shape == other.shape, name
    assert h5py.check_string_dtype(one.dtype) == h5py.check_string_dtype(other.dtype), name
    numpy.testing.assert_array_equal(one[:], other[:], err_msg=name)
    numpy.testing.assert_array_equal(one[len(one) // 3:len(one) // 2], other[len(one) // 3:len(one) // 2], err_msg=name)


def check_shards(folder, shards):
    """The output shows what the single file has; its shards hold those rows, one behind the other."""
    names = [f"of %b 5%-{number:05}.h5" for number in range(1, shards + 1)]
    assert sorted(os.listdir(folder)) == sorted(names + ["of %b 5%.h5", "one.h5"]), os.listdir(folder)
    with h5py.File(os.path.join(folder, "one.h5")) as one, h5py.File(os.path.join(folder, "of %b 5%.h5")) as whole:
        parts = [h5py.File(os.path.join(folder, name)) for name in names]
        nodes = all_nodes(one)
        assert "nulls/small" in nodes and "100%" in nodes and "a%b" in nodes
        for file in [whole] + parts:
            assert all_nodes(file) == nodes
        assert attributes(one) == attributes(whole)
        for name in nodes:
            assert attributes(one[name]) == attributes(whole[name]), name
            if not isinstance(one[name], h5py.Dataset):
                continue
            assert whole[name].is_virtual == (len(one["id"]) > 0)
            assert all(part[name].maxshape == (None,) for part in parts)
            assert_same_dataset(one[name], whole[name], name)
            together = numpy.concatenate([part[name][:] for part in parts])
            numpy.testing.assert_array_equal(one[name][:], together, err_msg=name)
        chunk = one["id"].chunks[0]
        rows = [int(part.attrs["rows"]) for part in parts]
        chunks = [-(-count // chunk) for count in rows]
        assert chunks == sorted(chunks, reverse=True) and chunks[0] - chunks[-1] <= 1, rows
        last = max(at for at, count in enumerate(rows) if count > 0)
        assert rows[:last] == [chunk * number for number in chunks[:last]], rows
        for part in parts:
            part.close()
    return rows


def check_missing_shard(shardmill, target):
    """HDF5 fills up without a word; verify says which file it is."""
    output = os.path.join(target, "output", "o")
    with h5py.File(os.path.join(output, "one.h5")) as file:
        expected = file["a%b"][:]
    shard = os.path.join(output, "of %b 5%-00001.h5")
    with h5py.File(shard) as file:
        rows = len(file["id"])
    os.rename(shard, shard + ".away")
    with h5py.File(os.path.join(output, "of %b 5%.h5")) as file:
        found = file["a%b"][:]
    assert numpy.isnan(found[:rows]).all() and (found[rows:] == expected[rows:]).all()
    verified = subprocess.run([shardmill, "verify", target], capture_output=True, text=True)
    assert verified.returncode == 3 and "of %b 5%-00001.h5: the file cannot be opened" in verified.stderr, verified
    os.rename(shard + ".away", shard)
    subprocess.run([shardmill, "verify", target], check=True, capture_output=True)


def rows_back(shardmill, folder, name, path, options=""):
    target = run_job(shardmill, folder, name, ROWS_BACK.format(path=path, options=options))
    with open(os.path.join(target, "output", "back.jsonl"), "rb") as stream:
        return stream.read()


def check_sharded_outputs(shardmill, folder):
    data = os.path.join(folder, "data")
    cases = ((3, ""), (7, 'compression = "none"\ntexts = "variable"'), (1, ""))
    for shards, options in cases:
        target = run_job(shardmill, folder, "sharded", SHARDS_JOB.format(data=data, shards=shards, options=options)
                         .replace('path = "o/one.h5"', 'path = "o/one.h5"\n' + options))
        moved = os.path.join(folder, "moved")
        os.rename(os.path.join(target, "output", "o"), moved)
        rows = check_shards(moved, shards)
        os.rename(moved, os.path.join(target, "output", "o"))
        assert sum(rows) == 70036 and rows[0] > 0, rows
        assert shards != 7 or rows[-1] == 0, rows
    none = os.path.join(folder, "data", "part 2.csv")
    target = run_job(shardmill, folder, "sharded", SHARDS_JOB.format(data=none, shards=2, options="")
                     .replace('"id * 2", "a%b" = "id / 8"', '"1", "a%b" = "1.5"'))
    with h5py.File(os.path.join(target, "output", "o", "of %b 5%.h5")) as file:
        assert int(file.attrs["rows"]) == 0 and file["a%b"].shape == (0,)
    target = run_job(shardmill, folder, "sharded", SHARDS_JOB.format(data=data, shards=3, options=""))
    check_missing_shard(shardmill, target)
    output = os.path.join(target, "output", "o")
    one = rows_back(shardmill, folder, "one", os.path.join(output, "one.h5"))
    assert one.count(b"\n") == 70036
    assert one == rows_back(shardmill, folder, "whole", os.path.join(output, "of %b 5%.h5"), "external = true")
    assert one == rows_back(shardmill, folder, "parts", os.path.join(output, "of %b 5%-*.h5"))


def main():
    shardmill = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="shardmill-h5-") as folder:
        make_data(os.path.join(folder, "data"))
        cases = (("", True, {"text": 128, "long": None}),
                 ('compression = "none"', False, {"text": 128, "long": None}),
                 ('texts = "fixed"\nlevel = 1', True, {"text": 128, "long": 500}),
                 ('texts = "variable"', True, {"text": None, "long": None}))
        for options, compressed, texts in cases:
            output = run(shardmill, folder, options)
            with open(os.path.join(output, "rows.jsonl"), encoding="utf-8") as lines:
                expected = [json.loads(line) for line in lines]
            assert len(expected) == 70036, len(expected)
            compare(*read_h5(os.path.join(output, "rows.h5")), expected)
            check_storage(os.path.join(output, "rows.h5"), compressed, texts)
        begin = 0
        for number, rows in enumerate((70000, 1, 0, 35)):
            each = read_h5(os.path.join(output, f"each/part {number}.csv.h5"))
            compare(*each, expected[begin:begin + rows])
            begin += rows
        for small in ("0", "1", "2", "%null"):
            wanted = [r for r in expected if r["small"] == (None if small == "%null" else int(small))]
            compare(*read_h5(os.path.join(output, f"by/{small}.h5")), wanted)
        check_sharded_outputs(shardmill, folder)
    print("hdf5 output: 4 kinds of files and 8 files by input and value equal their JSON lines, "
          "and outputs of 1, 2, 3 and 7 shards what they are in one file")


if __name__ == "__main__":
    main()
