#!/usr/bin/env python3
"""Reads HDF5 files of many makers with shardmill and compares every value with what h5py says.

  hdf5_against_h5py.py SHARDMILL [FOLDER_WITH_HDF5_FILES]

Makes files with h5py, pandas, PyTables and netCDF4, and takes all files below the folder. Exits 1 and says what differs.
"""
import base64, glob, json, math, os, shutil, subprocess, sys, tempfile, warnings
import h5py
import numpy as np

SHARDMILL = os.path.abspath(sys.argv[1])
FOLDER = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
WORK = tempfile.mkdtemp(prefix="shardmill-hdf5-")
DATASETS_OF_A_RUN, RUNS_OF_A_FILE = 30, 12
failures, files_read, datasets_read, refused = 0, set(), 0, 0


def fail(what, found, expected):
    global failures
    failures += 1
    print(f"DIFFERS {what}\n  found    {str(found)[:400]}\n  expected {str(expected)[:400]}")


def text(value, strpad=None):
    value = value.encode() if isinstance(value, str) else bytes(value)
    if strpad == h5py.h5t.STR_NULLTERM:
        value = value.split(b"\0")[0]
    elif strpad == h5py.h5t.STR_SPACEPAD:
        value = value.rstrip(b" ")
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def number(value):
    value = float(value)
    return value if math.isfinite(value) else "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def listed(values, dtype):
    def one(v):
        if h5py.check_string_dtype(dtype):
            return json.dumps(text(v), ensure_ascii=False)
        return repr(float(v)) if dtype.kind == "f" else str(int(v))
    return [one(v) for v in values]


class Unsupported(Exception):
    pass


def columns(name, values, dtype, h5type, file, out):
    """Adds `name` (and what is below it) -> list of JSON values for `values`, an array of one dimension."""
    if dtype.subdtype:
        base, shape = dtype.subdtype
        values = np.asarray(values).reshape((-1,) + (int(np.prod(shape)),))
        for i in range(values.shape[1]):
            columns(f"{name}.{i}", values[:, i], base, h5type.get_super(), file, out)
    elif dtype.names:
        for i, field in enumerate(dtype.names):
            complex_part = h5type.get_class() != h5py.h5t.COMPOUND
            columns(f"{name}.{field}", values[field], dtype[field], h5type if complex_part else h5type.get_member_type(i),
                    file, out)
    elif dtype.kind == "c":
        names = [h5type.get_member_name(i).decode() for i in range(2)]
        columns(f"{name}.{names[0]}", values.real, np.dtype(f"f{dtype.itemsize // 2}"), h5type.get_member_type(0), file, out)
        columns(f"{name}.{names[1]}", values.imag, np.dtype(f"f{dtype.itemsize // 2}"), h5type.get_member_type(1), file, out)
    elif h5py.check_enum_dtype(dtype):
        names = {v: k for k, v in reversed(h5py.check_enum_dtype(dtype).items())}
        out[name] = [names.get(int(v), str(int(v))) for v in values]
    elif dtype.kind == "b":
        out[name] = [bool(v) for v in values]
    elif dtype.kind in "iu":
        out[name] = [int(v) if int(v) < 2**63 else None for v in values]
    elif dtype.kind == "f":
        out[name] = [number(v) for v in values]
    elif h5py.check_string_dtype(dtype) and h5type.get_class() == h5py.h5t.STRING:
        fixed = not h5type.is_variable_str()
        out[name] = [text(v, h5type.get_strpad() if fixed else None) for v in values]
    elif h5py.check_dtype(ref=dtype) is h5py.Reference:
        out[name] = [file[v].name if v else None for v in values]
    elif h5py.check_vlen_dtype(dtype) is not None:
        base = h5py.check_vlen_dtype(dtype)
        if base.kind not in "iuf" and not (h5py.check_string_dtype(base) and h5py.check_string_dtype(base).length is None):
            raise Unsupported("vlen of " + str(base))
        out[name] = [[] if v is None else listed(v, base) for v in values]
    elif dtype.kind in "VSM" and h5type.get_class() == h5py.h5t.OPAQUE:
        out[name] = [text(bytes(np.asarray(v).tobytes()).ljust(dtype.itemsize, b"\0")) for v in values]
    else:
        raise Unsupported(str(dtype))


def expected_columns(dataset, file):
    """The columns of one dataset, each a list with a value for each record."""
    h5type = dataset.id.get_type()
    out = {}
    name = dataset.name[1:].replace("/", ".")
    if dataset.shape is None:
        return None
    values, dtype = np.asarray(dataset[()]), dataset.dtype
    if dtype.subdtype:  # h5py makes dimensions of it
        dtype, shape = dtype.subdtype
        values = values.reshape(-1, int(np.prod(shape)))
        if len(dataset.shape) > 1:
            raise NotImplementedError("array in several dimensions")
        for i in range(values.shape[-1]):
            columns(f"{name}.{i}", values[:, i], dtype, h5type.get_super(), file, out)
        return out
    if len(dataset.shape) < 2:
        columns(name, values.reshape(-1), dtype, h5type, file, out)
        return out
    inner = dataset.shape[1:]
    flat = values.reshape((dataset.shape[0], int(np.prod(inner))))
    for i, index in enumerate(np.ndindex(*inner)):
        columns(name + "".join(f".{n}" for n in index), flat[:, i], dtype, h5type, file, out)
    return out


def same(found, expected):
    if isinstance(expected, list):  # a sequence, as JSON text
        if found is None:
            return expected == []
        found = json.loads(found)
        return len(found) == len(expected) and all(
            f == json.loads(e) if e not in ("nan", "inf", "-inf") else f == number(e) for f, e in zip(found, expected))
    if found is None and expected == "":
        return True  # a text that was never written
    return type(found) in (type(expected), int, float) and found == expected


def run(path, datasets, extra="", number=[0]):
    number[0] += 1
    job, run_dir = os.path.join(WORK, "job.toml"), os.path.join(WORK, f"run{number[0]}")
    quoted = ", ".join(json.dumps(d) for d in datasets)
    with open(job, "w") as out:
        out.write(f'[input]\npaths = [{json.dumps(path)}]\nformat = "hdf5"\ndatasets = [{quoted}]\n{extra}\n'
                  '[[stage]]\nuse = "write"\npath = "o.jsonl"\n')
    done = subprocess.run([SHARDMILL, "run", job, "--run-dir", run_dir, "--quiet"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    output = os.path.join(run_dir, "output", "o.jsonl")
    rows = [json.loads(line) for line in open(output)] if os.path.exists(output) else None
    books = open(os.path.join(run_dir, "files.tsv")).read() if done.returncode == 0 else done.stdout
    shutil.rmtree(run_dir, ignore_errors=True)
    return done, rows, books


def compare(path, names, expected, rows, done, books):
    global datasets_read
    if rows is None or done.returncode != 0:
        return fail(f"{path} {names}", done.stdout[-400:], "records")
    length = max((len(v) for v in expected.values()), default=0)
    if len(rows) != length:
        return fail(f"{path} {names}: records", f"{len(rows)} {books}", length)
    for name, values in expected.items():
        if len(values) == 1:
            values = values * length
        for i, value in enumerate(values):
            if name not in rows[i] or not same(rows[i][name], value):
                return fail(f"{path} {name} [{i}]", rows[i].get(name, "no such column"), value)
    datasets_read += len(names)
    files_read.add(path)


def datasets_of(file):
    found = []

    def visit(name, thing):
        if isinstance(thing, h5py.Dataset) and not any(p.startswith(("_i_", "#")) for p in name.split("/")):
            found.append(thing)
    file.visititems(visit)
    return found


def expect_refusal(path, name):
    """h5py cannot read it either, or it is of a kind that no column is made of: it must be said."""
    global refused
    done, rows, books = run(path, [name])
    said = "no file can be read" in books or "no dataset that columns" in books or "none of the datasets" in books or "\tbad\t" in books
    if not said:
        return fail(f"{path} {name}", books[-300:], "a bad file")
    refused += 1


def check_file(path):
    try:
        file = h5py.File(path, "r")
    except OSError:
        return expect_refusal(path, "/x")
    by_length, alone = {}, 0
    print(path, flush=True) if os.environ.get("VERBOSE") else None
    for dataset in datasets_of(file):
        if dataset.compression == "lzf":  # which only h5py has
            expect_refusal(path, dataset.name)
            continue
        if dataset.size and dataset.size * dataset.dtype.itemsize > 1 << 20:
            continue
        try:
            expected = expected_columns(dataset, file)
        except (Unsupported, OSError) as error:
            if isinstance(error, OSError) and "conversion path" in str(error):
                print(f"skipped {path} {dataset.name}: h5py says {error}")
                continue
            expect_refusal(path, dataset.name)
            continue
        except (NotImplementedError, TypeError) as error:
            print(f"skipped {path} {dataset.name}: h5py says {error}")
            continue
        if expected is None:
            alone += 1
            if alone > 3:
                continue
            done, rows, books = run(path, [dataset.name])
            if rows != []:
                fail(f"{path} {dataset.name} (empty)", rows, [])
            continue
        if len(expected) > 10000:
            continue
        length = dataset.shape[0] if dataset.shape else None
        if len(by_length.get(length, {})) >= DATASETS_OF_A_RUN:
            continue
        by_length.setdefault(length, {})[dataset.name] = expected
    for length, group in list(by_length.items())[:RUNS_OF_A_FILE]:
        names = sorted(group)
        merged = {k: v for name in names for k, v in group[name].items()}
        done, rows, books = run(path, names)
        compare(path, names, merged, rows, done, books)
    file.close()


def main():
    warnings.simplefilter("ignore")
    if FOLDER:
        for path in sorted(glob.glob(os.path.join(FOLDER, "**", "*"), recursive=True)):
            if path.endswith((".h5", ".hdf5", ".nc", ".mat")):
                check_file(path)
    print(f"{datasets_read} datasets of {len(files_read)} files read as h5py does, {refused} refused with a reason, "
          f"{failures} differ")
    shutil.rmtree(WORK)
    if failures or datasets_read == 0:
        sys.exit(1)


main()
