#!/usr/bin/env python3
"""Reads HDF5 files of many makers with shardmill and compares every value with what h5py says.

  hdf5_against_h5py.py SHARDMILL [FOLDER_WITH_HDF5_FILES]

Makes files with h5py, pandas, PyTables and netCDF4, and takes all files below the folder. Links, other files, attributes, nulls on
request, flatten and a damaged chunk have files of their own. Exits 1 and says what differs.
"""
import base64, glob, json, math, os, shutil, subprocess, sys, tempfile, warnings
import h5py
import numpy as np

SHARDMILL = os.path.abspath(sys.argv[1])
FOLDER = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
WORK = tempfile.mkdtemp(prefix="shardmill-hdf5-")
DATASETS_OF_A_RUN, RUNS_OF_A_FILE = 200, 12  # some files of the folder have a thousand
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


def made(name, fill):
    path = os.path.join(WORK, name)
    with h5py.File(path, "w") as file:
        fill(file)
    check_file(path)


def every_type(file):
    for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"):
        for order in "<>":
            values = (np.arange(50) * 5 - (0 if kind[0] == "u" else 100)).astype(order + kind)
            if kind == "u8":
                values[7] = 2**64 - 1
            file[f"{kind}{'be' if order == '>' else 'le'}"] = values
    file["special"] = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324] * 10)
    file["bool"] = np.arange(50) % 3 == 0
    file["complex"] = np.arange(50) * (1 + 2j)
    file["fixed"] = np.array([b"x" * (i % 7) for i in range(50)], dtype="S7")
    file["not utf-8"] = np.array([b"\xff\xfe%d" % i for i in range(50)])
    file.create_dataset("texts", data=[f"\u00e9\u20ac {i}" * (i % 5) for i in range(50)], dtype=h5py.string_dtype())
    file.create_dataset("ascii", data=[b"a%d" % i for i in range(50)], dtype=h5py.string_dtype("ascii"))
    file.create_dataset("enum", data=np.arange(50) % 4, dtype=h5py.enum_dtype({"A": 0, "B": 1, "C": 2}, "u2"))
    lists = file.create_dataset("lists", (50,), dtype=h5py.vlen_dtype("i4"))
    for i in range(50):
        lists[i] = np.arange(i % 4)
    kind = np.dtype([("a", "<i2"), ("b", [("c", ">f4"), ("d", "S3")]), ("e", "f8", (2, 2)), ("t", h5py.string_dtype())])
    table = np.zeros(50, kind)
    for i in range(50):
        table[i] = (i, (i / 2, b"abc"[:i % 4]), [[i, 1], [2, 3]], f"t{i}")
    file["deep/er/table"] = table
    file["references"] = np.array([file["fixed"].ref] * 50, dtype=h5py.ref_dtype)
    types = h5py.h5t.IEEE_F64LE.copy()
    types.set_fields(63, 50, 13, 0, 50)
    types.set_ebias(4095)
    space = h5py.h5s.create_simple((50,))
    odd = h5py.h5d.create(file.id, b"odd float", types, space)
    odd.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(50) / 4.0)
    short = h5py.h5t.STD_I16LE.copy()
    short.set_precision(11)
    odd = h5py.h5d.create(file.id, b"eleven bits", short, space)
    odd.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(50) - 20)


def every_layout(file):
    values = (np.arange(7000) * 37 % 1009).reshape(700, 10)
    one = np.arange(700) * 3 % 101
    for chunk in (1, 33, 700):
        for name, options in (("plain", {}), ("gzip", {"compression": "gzip"}), ("shuffle", {"shuffle": True}),
                              ("all", {"compression": 9, "shuffle": True, "fletcher32": True}),
                              ("fletcher", {"fletcher32": True}), ("offset", {"scaleoffset": 0})):
            file.create_dataset(f"{name}{chunk}", data=one, chunks=(chunk,), maxshape=(None,), **options)
            file.create_dataset(f"m/{name}{chunk}", data=values, chunks=(chunk, 3), maxshape=(None, None), **options)
    holes = file.create_dataset("holes", (700,), chunks=(50,), fillvalue=-7, compression="gzip", dtype="i4")
    holes[120:180] = 5
    file.create_dataset("unwritten", (700,), dtype="f8", fillvalue=2.5)
    file.create_dataset("never", (700,), dtype="i2", chunks=(64,))
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.COMPACT)
    compact = h5py.h5d.create(file.id, b"compact", h5py.h5t.STD_I32LE, h5py.h5s.create_simple((700,)), properties)
    compact.write(h5py.h5s.ALL, h5py.h5s.ALL, one.astype("i4"))
    layout = h5py.VirtualLayout(shape=(700,), dtype="i8")
    layout[:350] = h5py.VirtualSource(file["plain33"])[350:]
    layout[350:] = h5py.VirtualSource(file["gzip33"])[:350]
    file.create_virtual_dataset("virtual", layout)
    file["soft"] = h5py.SoftLink("/m/all33")
    file["one"], file["none"] = 4.5, h5py.Empty("f4")
    file.create_dataset("no rows", (0,), maxshape=(None,), dtype="f4")
    file.create_dataset("deep", data=np.arange(4200).reshape(700, 2, 3), chunks=(100, 1, 2), compression="gzip")


def by_others():
    """Files of pandas, PyTables and netCDF4, and one laid out as MATLAB does it."""
    import netCDF4, pandas, tables
    path = os.path.join(WORK, "pandas.h5")
    frame = pandas.DataFrame({"a": np.arange(300), "b": np.arange(300) / 8, "s": [f"row {i}" for i in range(300)]})
    frame.to_hdf(path, "frame", format="table", data_columns=True, complevel=5, complib="zlib")
    check_file(path)
    path = os.path.join(WORK, "pytables.h5")
    with tables.open_file(path, "w") as file:
        class Row(tables.IsDescription):
            name, n, x, ok = tables.StringCol(16), tables.Int32Col(), tables.Float64Col(shape=(2,)), tables.UInt8Col()
        table = file.create_table("/group", "rows", Row, createparents=True, filters=tables.Filters(4, "zlib", True, fletcher32=True))
        table.append([(i, f"n{i}", i % 2, (i / 2, -i)) for i in range(5000)])  # columns by name
        table.cols.n.create_index()
        file.create_earray("/", "grows", tables.Float32Atom(), (0,), filters=tables.Filters(1, "zlib"))
        file.root.grows.append(np.arange(999, dtype="f4"))
    check_file(path)
    path = os.path.join(WORK, "netcdf.nc")
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", None), file.createDimension("bare", 40)
        file.title = "title"
        time = file.createVariable("time", "f8", ("time",), zlib=True)
        temp = file.createVariable("temp", "i2", ("time", "bare"), zlib=True, fill_value=-1)
        file.createVariable("sub/name", str, ("time",))
        time[:] = np.arange(40)
        temp[:, ::2] = np.arange(800).reshape(40, 20)
        file["sub/name"][:] = np.array([f"n{i}" for i in range(40)], dtype=object)
    check_file(path)
    done, rows, books = run(path, [], 'attributes = ["title"]\nfill_is_null = true')
    if not rows or len(rows) != 40 or rows[3]["temp.1"] is not None or rows[3]["temp.2"] != 61 or rows[0]["$attr.title"] != "title":
        fail("netCDF-4 as a whole", rows and rows[3], "40 records with nulls and a title")
    path = os.path.join(WORK, "matlab.mat")
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in (("lies", np.arange(500.0).reshape(500, 1)), ("stands", np.arange(500.0).reshape(1, 500)),
                             ("matrix", np.arange(1000.0).reshape(2, 500)), ("scalar", np.array([[7.0]]))):
            dataset = file.create_dataset(name, data=values, chunks=tuple(min(n, 100) for n in values.shape), compression=3)
            dataset.attrs["MATLAB_class"] = np.bytes_("double")
    expected = [{"lies": i, "stands": i, "matrix.0": i, "matrix.1": 500 + i, "scalar": 7} for i in range(500)]
    done, rows, books = run(path, [])
    if rows != expected:
        fail("matlab.mat", (rows or [done.stdout])[:2], expected[:2])
    files_read.add(path)


def expect_rows(what, found, expected):
    done, rows, books = found
    if rows == expected:
        files_read.add(what)
        return
    at = next((i for i, pair in enumerate(zip(rows or [], expected)) if pair[0] != pair[1]), min(len(rows or []), len(expected)))
    fail(f"{what}: record {at} of {len(rows or [])}, expected {len(expected)}", rows[at:at + 1] if rows else done.stdout[-400:],
         expected[at:at + 1])


def links_and_other_files():
    """What a walk does not meet, asked for by path; other files only if they are allowed."""
    beside, path, raw = (os.path.join(WORK, name) for name in ("beside.h5", "links.h5", "raw.bin"))
    with h5py.File(beside, "w") as file:
        file["g/there"] = np.arange(300) / 4
    np.arange(300, dtype=">i4").tofile(raw)
    with h5py.File(path, "w") as file:
        file.create_dataset("own", data=np.arange(300) * 7, chunks=(64,), compression=1)
        file["soft"], file["hard"], file["group/soft"] = h5py.SoftLink("/own"), file["own"], h5py.SoftLink("/soft")
        file["circle"], file["nowhere"] = h5py.SoftLink("/circle"), h5py.SoftLink("/not there")
        file["other"], file["gone"] = h5py.ExternalLink("beside.h5", "/g/there"), h5py.ExternalLink("no such.h5", "/x")
        file.create_dataset("raw", (300,), ">i4", external=[(raw, 0, 1200)])
        layout = h5py.VirtualLayout(shape=(300,), dtype="f8")
        layout[:200], layout[200:] = h5py.VirtualSource(beside, "g/there", (300,))[100:], h5py.VirtualSource(file["own"])[:100]
        file.create_virtual_dataset("virtual", layout)
    with h5py.File(path) as file:
        for name in ("soft", "hard", "group/soft"):
            column = name.replace("/", ".")
            expect_rows(f"{path} {name}", run(path, ["/" + name]), [{column: int(v)} for v in file[name][:]])
        for name in ("other", "raw", "virtual"):
            expect_refusal(path, "/" + name)
            expected = [{name: number(v) if v.dtype.kind == "f" else int(v)} for v in file[name][:]]
            expect_rows(f"{path} {name}", run(path, ["/" + name], "external = true"), expected)
    for name in ("circle", "nowhere", "gone"):
        expect_refusal(path, "/" + name)


def attributes():
    path = os.path.join(WORK, "attributes.h5")
    kinds = {f"{kind}{order}": np.array(-3 if kind[0] != "u" else 200, order + kind) for kind in
             ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8") for order in "<>"}
    with h5py.File(path, "w") as file:
        file["g/x"] = np.arange(3)
        for name, value in kinds.items():
            file["g/x"].attrs[name] = value
        file.attrs["text"], file.attrs["fixed"], file.attrs["yes"] = "caf\u00e9", np.bytes_("abc"), True
        file["g"].attrs.create("color", 1, dtype=h5py.enum_dtype({"RED": 0, "GREEN": 1}, "i1"))
    names = ["text", "fixed", "yes", "g.color", "missing"] + [f"g.x.{name}" for name in kinds]
    expected = {"text": "caf\u00e9", "fixed": "abc", "yes": True, "g.color": "GREEN"}
    expected |= {f"g.x.{name}": value.item() for name, value in kinds.items()}
    rows = [{"g.x": i} | {f"$attr.{name}": value for name, value in expected.items()} for i in range(3)]
    expect_rows(path, run(path, [], f"attributes = {json.dumps(names)}"), rows)


def nulls_on_request():
    path = os.path.join(WORK, "nulls.h5")
    color = h5py.enum_dtype({"RED": 0, "GREEN": 1, "NONE": 9}, "i1")
    with h5py.File(path, "w") as file:
        for name, kind, fill in (("i", "<i4", -1), ("u", ">u2", 65535), ("f", ">f4", 1e20), ("nan", "f8", np.nan), ("none", "i8", None)):
            dataset = file.create_dataset(name, (60,), kind, chunks=(16,), fillvalue=fill)
            dataset[::2] = np.arange(30)
        file.create_dataset("e", (60,), color, chunks=(16,), fillvalue=9)[::2] = np.arange(30) % 2
        file["f"][4] = np.nan
    with h5py.File(path) as file:
        stored = {name: list(expected_columns(file[name], file).values())[0] for name in file}
        fills = {name: file[name].fillvalue for name in file if name != "none"}
        filled = {name: [fill == v or (v != v and fill != fill) for v in file[name][:]] for name, fill in fills.items()}
    for options in ("", "fill_is_null = true", "nan_is_null = true", "fill_is_null = true\nnan_is_null = true"):
        rows = []
        for i in range(60):
            row = {name: values[i] for name, values in stored.items()}
            for name in row:
                if "fill_is_null" in options and name in filled and filled[name][i]:
                    row[name] = None
                if "nan_is_null" in options and row[name] == "NaN":
                    row[name] = None
            rows.append(row)
        expect_rows(f"{path} {options!r}", run(path, sorted(stored), options), rows)


def flattened():
    path = os.path.join(WORK, "flat.h5")
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.arange(3 * 4 * 5).reshape(3, 4, 5) * 3, chunks=(2, 3, 2), compression=1)
        file.create_dataset("b", data=np.arange(3 * 4 * 5).reshape(3, 4, 5) / 2)
    with h5py.File(path) as file:
        a, b = file["a"][:], file["b"][:]
    rows = [{"$index.0": i, "$index.1": j, "$index.2": k, "a": int(a[i, j, k]), "b": float(b[i, j, k])}
            for i, j, k in np.ndindex(a.shape)]
    expect_rows(path, run(path, ["a", "b"], "flatten = true"), rows)


def damaged_chunk():
    """The rows before it are kept if asked, and the books tell of it."""
    path, broken = os.path.join(WORK, "whole.h5"), 57
    with h5py.File(path, "w") as file:
        file.create_dataset("id", data=np.arange(10000), chunks=(100,), compression=4, fletcher32=True)
        file.create_dataset("x", data=np.arange(10000) / 8, chunks=(1000,), compression=4)
    with h5py.File(path) as file:
        at = file["id"].id.get_chunk_info(broken).byte_offset
        rows = [{"id": i, "x": i / 8} for i in range(len(file["id"]))]
    content = bytearray(open(path, "rb").read())
    content[at + 20] ^= 0x40
    with open(os.path.join(WORK, "damaged.h5"), "wb") as out:
        out.write(content)
    reason = f"dataset \"/id\": byte {at:,}: a chunk with another checksum than was stored with it, expected the same; the file is damaged"
    paths = os.path.join(WORK, "[wd][ha][om]*.h5")  # both
    for unit, kept in (("8MiB", rows[:broken * 100]), ("4KiB", rows[:broken * 100] + rows[6000:])):
        found = run(paths, ["id", "x"], f'unit_bytes = "{unit}"\n[run]\non_bad_file = "keep_prefix"')
        expect_rows(f"damaged.h5 kept, units of {unit}", found, kept + rows)
        line = next((line for line in found[2].splitlines() if "damaged.h5\t" in line), "").split("\t")
        if line[4:5] != [str(len(kept))] or line[-2:] != ["partly read", reason] or not 0 < int(line[7]) < len(content):
            fail(f"books of damaged.h5, units of {unit}", line, f"{len(kept)} records, partly read, {reason}")
    found = run(paths, ["id", "x"])
    expect_rows("damaged.h5 not kept", found, rows)
    if f"\tbad\t{reason}" not in found[2]:
        fail("books of damaged.h5", found[2], f"bad, {reason}")


def main():
    warnings.simplefilter("ignore")
    made("types.h5", every_type)
    made("layouts.h5", every_layout)
    by_others()
    for check in (links_and_other_files, attributes, nulls_on_request, flattened, damaged_chunk):
        check()
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
