#!/usr/bin/env python3
"""Writes the corpora of the fuzz tests, beside their targets.

    tools/fuzz/make_corpus.py

Takes golden files of checkpoint/testdata, and bytes made here. Files that are
there already and have other names stay: what a fuzzer found is kept by hand.
Archives are written without checksums, so that what a fuzzer changes in a
member is read and not refused.
"""

import ctypes
import io
import json
import pathlib
import pickle
import struct
import zipfile
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "checkpoint/testdata"
TORCH = GOLDEN / "torch-2.11"
SAFETENSORS = GOLDEN / "safetensors-0.8"


def write(target, name, content):
    folder, stem = target.rsplit("/", 1)
    path = ROOT / folder / "fuzz_corpus" / stem / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# --- zip ---------------------------------------------------------------------


def make_zip(members, method=0, has_crc=False, zip64=False, comment=b""):
    """An archive of (name, content) pairs; plainer than zipfile makes them."""
    out = bytearray()
    directory = bytearray()
    for name, content in members:
        stored = content
        if method == 8:
            deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
            stored = deflate.compress(content) + deflate.flush()
        name = name.encode()
        crc = zlib.crc32(content) if has_crc else 0
        fields = struct.pack("<HHHHHIII", 45, 0, method, 0, 0, crc, len(stored), len(content))
        directory += b"PK\1\2" + struct.pack("<H", 45) + fields
        directory += struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, len(out)) + name
        out += b"PK\3\4" + fields + struct.pack("<HH", len(name), 0) + name + stored
    start, count, size = len(out), len(members), len(directory)
    out += directory
    if zip64:
        end = len(out)
        out += b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, size, start)
        out += b"PK\6\7" + struct.pack("<IQI", 0, end, 1)
        count, size, start = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF
    out += b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, size, start, len(comment))
    return bytes(out + comment)


def members_of(path, leave_out=()):
    archive = zipfile.ZipFile(path)
    folder = archive.namelist()[0].split("/")[0]
    return [
        ("m" + name[len(folder):], archive.read(name))
        for name in archive.namelist()
        if not any(part in name for part in leave_out)
    ]


NOT_NEEDED = (".data/serialization_id", ".format_version", ".storage_alignment")

# --- pickles -----------------------------------------------------------------


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def integer(value):
    return b"J" + struct.pack("<i", value)


def call(module, name, *arguments):
    return b"c%s\n%s\n(" % (module.encode(), name.encode()) + b"".join(arguments) + b"tR"


def storage(kind="FloatStorage", key="0", count=6, *more):
    items = [text("storage"), b"ctorch\n%s\n" % kind.encode(), text(key), text("cpu"), integer(count)]
    return b"(" + b"".join(items) + b"".join(more) + b"tQ"


def ints(*values):
    return b"(" + b"".join(integer(value) for value in values) + b"t"


def tensor(of, offset=0, shape=(2, 3), strides=(3, 1), *more):
    return call("torch._utils", "_rebuild_tensor_v2", of, integer(offset), ints(*shape), ints(*strides),
                b"\x89", call("collections", "OrderedDict"), *more)


def dictionary(**items):
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def whole(value):
    return b"\x80\2" + value + b"."


def pickles():
    """By name: what torch and Python write, and opcodes that they seldom use."""
    found = {}
    for name in ("classes_numpy", "classes_unknown", "dict_one_entry", "conjugate_and_negative", "keys_unusual",
                 "nested_containers", "parameters", "pickle_protocol_3", "pickle_protocol_5", "python_values",
                 "quantized", "tied_weights", "torch_values", "whole_module_in_dict"):
        data = dict(members_of(TORCH / (name + ".pt")))["m/data.pkl"]
        if len(data) < 6000:
            found[name] = data
    plain = {"a": [1, -1, 2.5, True, None, "x", b"y"], "b": (1 << 70, -(1 << 70), {3, 4}, frozenset((5,)), 1 + 2j)}
    plain["c"] = [plain["a"], bytearray(b"zz")]
    for protocol in range(6):
        found["python_protocol_%d" % protocol] = pickle.dumps(plain, protocol)
    found["views_and_ties"] = whole(dictionary(
        w=tensor(storage()) + b"q\1", tied=b"h\1", row=tensor(storage(), 3, (3,), (1,)),
        repeated=tensor(storage(), 0, (5, 2), (0, 1)), empty=tensor(storage(), 9, (0, 4), (4, 1)),
        parameter=call("torch._utils", "_rebuild_parameter", tensor(storage()), b"\x88",
                       call("collections", "OrderedDict"))))
    found["contains_itself"] = whole(b"]q\0(h\0}q\1(" + text("self") + b"h\1u" + b"h\0e")
    found["shared_many_times"] = whole(b"]q\0" + b"".join(b"](h%ch%ceq%c" % (i, i, i + 1) for i in range(8)))
    found["old_opcodes"] = (b"(dp0\nS'a'\np1\nI1\nsg1\nL2L\nsVb\\u20ac\n(lp2\nF1.5\naI01\nas"
                            b"(iargparse\nNamespace\np3\n(dS'x'\nNsbg3\n0.")
    found["pops_and_marks"] = b"\x80\2((K\1K\2" + b"1K\3K\0002" + b"0" + b"t."
    found["object_opcodes"] = b"\x80\4(cm\nC\nK\1o}b0cm\nD\n)}\x92Nb\x94."
    found["keywords_and_what_is_added"] = (b"\x80\4cm\nC\n(K\1t}q\1K\2K\3s\x92K\4a(K\5h\1eK\6K\7s(K\x08)u"
                                           b"\x8c\2m2\x8c\3a.b\x93\x86.")
    found["sparse"] = whole(call("torch._utils", "_rebuild_sparse_tensor", b"ctorch\nsparse_coo\n", b"(" + tensor(
        storage("LongStorage", "1", 4), 0, (2, 2), (2, 1)) + tensor(storage("FloatStorage", "2", 2), 0, (2,), (1,)) +
        ints(3, 3) + b"\x88t"))
    found["sparse_rows"] = whole(call("torch._utils", "_rebuild_sparse_tensor", b"ctorch\nsparse_csr\n", b"(" + tensor(
        storage("LongStorage", "1", 4), 0, (3,), (1,)) + tensor(storage("LongStorage", "1", 4), 1, (2,), (1,)) + tensor(
        storage("FloatStorage", "2", 2), 0, (2,), (1,)) + ints(2, 3) + b"t"))
    found["nested_tensor"] = whole(call("torch._utils", "_rebuild_nested_tensor", tensor(storage(), 0, (6,), (1,)),
        tensor(storage("LongStorage", "1", 4), 0, (2, 1), (1, 1)), tensor(storage("LongStorage", "1", 4), 0, (2, 1), (1, 1)),
        tensor(storage("LongStorage", "1", 4), 0, (2,), (1,))))
    found["tensor_with_attributes"] = whole(call("torch._tensor", "_rebuild_from_type_v2",
        b"ctorch._utils\n_rebuild_tensor_v2\n", b"cm\nMyTensor\n",
        b"(" + storage() + integer(0) + ints(2, 3) + ints(3, 1) + b"\x89" + call("collections", "OrderedDict") + b"t",
        dictionary(scale=tensor(storage(), 0, (1,), (1,)), name=text("n"))))
    found["numpy_bool_of_nine_bytes"] = whole(call(
        "numpy.core.multiarray", "scalar",
        call("numpy", "dtype", text("b1"), b"\x89", b"\x88") +
        b"(" + integer(3) + text(">") + b"NNN" + integer(9) + integer(-1) + integer(0) + b"tb",
        b"B\x09\0\0\0" + bytes(9)))
    found["two_dicts_in_one"] = whole(b"}(" + text("k") + integer(1) + text("k") + integer(2) + b"u" +
                                      text("k") + tensor(storage()) + b"s")
    return found


def old_pickles():
    """torch's before 0.4, whose tensors have no function that rebuilds them."""
    shape = b"c__builtin__\nlist\n" + ints(2, 3)
    yield "size_and_dtype", whole(b"(" + call("torch", "Size", ints(2, 3)) + b"ctorch\nfloat32\n" + shape + b"t")


# --- formats before 1.6 ------------------------------------------------------


def number(value):
    return struct.pack("<q", value)


def legacy(root, keys, payload, version=1001):
    magic = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"
    system = dictionary(protocol_version=b"M\xe9\3", little_endian=b"\x88")
    names = b"](" + b"".join(text(key) for key in keys) + b"e"
    return whole(magic) + whole(b"M" + struct.pack("<H", version)) + whole(system) + whole(root) + whole(names) + payload


def legacy_files():
    floats = struct.pack("<6f", *range(6))
    one = number(6) + floats
    yield "one_tensor", legacy(dictionary(w=tensor(storage("FloatStorage", "0", 6, b"N"))), ["0"], one)
    view = b"(" + text("v") + integer(2) + integer(4) + b"t"
    yield "view_of_a_storage", legacy(dictionary(
        w=tensor(storage("FloatStorage", "0", 6, view), 0, (2, 2), (2, 1))), ["0"], one)
    yield "nothing_stored", legacy(dictionary(epoch=integer(3)), [], b"")
    source = b"(" + text("module") + b"cm\nNet\n" + text("net.py") + text("class Net: pass") + b"tQ"
    yield "class_with_its_source", legacy(source + b")\x81" + dictionary(
        w=tensor(storage("LongStorage", "5", 3, b"N"), 0, (3,), (1,))) + b"b", ["5"], number(3) + number(1) * 3)
    yield "bytes_behind_the_end", legacy(dictionary(
        w=tensor(storage("FloatStorage", "0", 6, b"N"))), ["0"], one + b"more")


def bare_pickles():
    """What pickle.dump writes: tensors have their storages as bytes."""
    bytes_of = legacy(storage("FloatStorage", "0", 6, b"N"), ["0"], number(6) + struct.pack("<6f", *range(6)))
    embedded = call("torch.storage", "_load_from_bytes", b"B" + struct.pack("<I", len(bytes_of)) + bytes_of)
    yield "tensor", whole(dictionary(w=tensor(embedded + b"q\1"), row=tensor(b"h\1", 3, (3,), (1,)), epoch=integer(3)))
    yield "plain", pickle.dumps({"a": [1, 2.5], "b": "x"}, 4)
    yield "numpy", dict(members_of(TORCH / "classes_numpy.pt"))["m/data.pkl"]
    array = call("numpy.core.numeric", "_frombuffer", b"B\x08\0\0\0\0\0\x80?\0\0\0@",
                 call("numpy", "dtype", text("f4"), b"\x89", b"\x88") +
                 b"(" + integer(3) + text("<") + b"NNN" + integer(-1) + integer(-1) + integer(0) + b"tb",
                 ints(2), text("C"))
    yield "numpy_buffer", whole(array)
    yield "bytes_behind_the_end", pickle.dumps([1], 2) + b"more"
    yield "not_by_itself", whole(tensor(storage()))


def tar_member(name, content, kind=b"0"):
    block = bytearray(512)
    block[: len(name)] = name.encode()
    block[100:107] = b"0000644"
    block[124:135] = b"%011o" % len(content)
    block[156:157] = kind
    block[257:263] = b"ustar\0"
    block[263:265] = b"00"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + content + bytes(-len(content) % 512)


def tar_tensor(key, of, kind, shape, strides, offset):
    described = whole(b"(" + integer(key) + integer(of) + b"ctorch\n%s\nt" % kind)
    return described + struct.pack("<i", len(shape)) + b"junk" + b"".join(
        number(value) for value in (*shape, *strides, offset))


def tar_files():
    def stored(key, kind, count, content):
        return whole(b"(" + integer(key) + text("cpu") + b"ctorch\n%s\nt" % kind) + number(count) + content

    def archive(value, tensors, storages, views=b"]", system=True):
        parts = []
        if system:
            parts.append(tar_member("sys_info", whole(dictionary(protocol_version=b"M\xe8\3", little_endian=b"\x88"))))
        parts.append(tar_member("pickle", whole(value)))
        if tensors is not None:
            parts.append(tar_member("tensors", whole(integer(len(tensors))) + b"".join(tensors)))
        parts.append(tar_member("storages", whole(integer(len(storages))) + b"".join(storages) + whole(views)))
        return b"".join(parts) + bytes(1024)

    floats = stored(10, b"FloatStorage", 6, struct.pack("<6f", *range(6)))
    longs = stored(11, b"LongStorage", 1, number(7))
    first = tar_tensor(1, 10, b"FloatTensor", (2, 3), (3, 1), 0)
    yield "one_tensor", archive(dictionary(w=text("1") + b"Q"), [first], [floats])
    yield "two_storages_and_a_view", archive(
        dictionary(w=text("1") + b"Q", row=text("2") + b"Q", n=text("3") + b"Q", again=text("1") + b"Q"),
        [first, tar_tensor(2, 20, b"FloatTensor", (2,), (1,), 1), tar_tensor(3, 11, b"LongTensor", (1,), (1,), 0)],
        [floats, longs], b"](" + ints(20, 10, 2, 3) + b"e")
    yield "a_storage_by_itself", archive(dictionary(s=text("10") + b"Q", epoch=integer(7)), [], [floats])
    yield "without_sys_info", archive(dictionary(w=integer(1) + b"Q"), [first], [floats], system=False)
    yield "without_tensors", archive(dictionary(s=text("10") + b"Q"), None, [floats])


# --- safetensors -------------------------------------------------------------


def safetensors(header, payload):
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + payload


def safetensors_files():
    for name in ("all_dtypes", "empty", "handwritten_header", "no_metadata", "only_metadata", "shapes"):
        yield name, (SAFETENSORS / (name + ".safetensors")).read_bytes()
    one = {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    yield "one_tensor", safetensors(one, bytes(8))
    yield "escapes", safetensors(b'{"__metadata__":{"a\\u20ac":"\\ud83d\\ude00\\n"},"\\"\\\\/":{"dtype":"I8",'
                                 b'"shape":[],"data_offsets":[0,1]}}   ', b"x")
    yield "bytes_of_two", safetensors(dict(one, v={"dtype": "U8", "shape": [4], "data_offsets": [4, 8]}), bytes(8))
    yield "big_numbers", safetensors(b'{"w":{"dtype":"F64","shape":[0,18446744073709551615,9223372036854775807],'
                                     b'"data_offsets":[0,0]}}', b"")
    yield "float4", safetensors({"w": {"dtype": "F4", "shape": [2, 4], "data_offsets": [0, 4]}}, bytes(4))
    yield "deep", safetensors(b'{"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":' + b"[" * 60 + b"]" * 60 +
                              b"}}", b"")
    yield "key_twice", safetensors(b'{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
                                   b'"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x")


# --- the targets -------------------------------------------------------------


def torch_zip_files():
    for name in ("big_endian", "deflated", "dict_empty", "dict_one_entry", "macosx_entry", "meta_tensors"):
        yield name + "_as_written", (TORCH / (name + ".pt")).read_bytes()
    for name in ("big_endian", "classes_numpy", "conjugate_and_negative", "dict_one_entry", "meta_tensors",
                 "parameters", "root_tensor", "tied_weights", "torch_values"):
        yield name, make_zip(members_of(TORCH / (name + ".pt"), NOT_NEEDED))
    members = members_of(TORCH / "dict_one_entry.pt", NOT_NEEDED)
    yield "deflated", make_zip(members, method=8)
    yield "zip64", make_zip(members, zip64=True)
    yield "with_checksums", make_zip(members, has_crc=True)
    yield "with_comment", make_zip(members, comment=b"a comment")
    yield "without_directory", make_zip(members)[:-200]
    views = pickles()["views_and_ties"]
    yield "views_and_ties", make_zip([("m/data.pkl", views), ("m/data/0", bytes(range(24))), ("m/version", b"3\n")])


def torch_script_files():
    members = members_of(TORCH / "script_module.pt", NOT_NEEDED)
    yield "module", make_zip(members)
    yield "module_without_its_code", make_zip([member for member in members if "/code/" not in member[0]])
    code = b"""class Net(Module):
  __parameters__ = ["w", ]
  __buffers__ = ["b", ]
  w : Tensor
  b : Tensor
  training : bool
  inner : __torch__.Net
  def forward(self: __torch__.Net,
    x: Tensor) -> Tensor:
    return torch.add(x, self.w)
"""
    state = dictionary(w=tensor(storage("FloatStorage", "0", 6)), training=b"\x89", b=tensor(
        storage("FloatStorage", "0", 6), 3, (3,), (1,)))
    small = [("m/data.pkl", whole(b"c__torch__\nNet\n)\x81" + state + b"b")), ("m/code/__torch__.py", code),
             ("m/constants.pkl", whole(b"(" + tensor(storage("LongStorage", "1", 2), 0, (2,), (1,)) + b"t")),
             ("m/data/0", bytes(range(24))), ("m/constants/1", bytes(16)), ("m/version", b"3\n")]
    yield "small", make_zip(small)
    yield "small_deflated", make_zip(small, method=8)
    typed = whole(b"c__torch__\nNet\n)\x81" + dictionary(
        l=call("torch.jit._pickle", "build_intlist", b"]" + b"(" + integer(1) + integer(2) + b"e"),
        t=call("torch.jit._pickle", "build_tensorlist", b"](" + tensor(storage()) + b"e"),
        d=call("torch.jit._pickle", "restore_type_tag", dictionary(a=integer(1)), text("Dict[str, int]"))) + b"b")
    yield "typed_lists", make_zip([("m/data.pkl", typed)] + small[1:])
    yield "without_byteorder", make_zip([("m/data.pkl", whole(b"N")), ("m/constants.pkl", whole(b")")),
                                         ("m/version", b"2\n")])


def torch_pt2_files():
    members = members_of(TORCH / "exported_program.pt2", ("serialization_id", "sample_inputs"))
    short = [(name, b'{"schema_version": {"major": 8, "minor": 17}, "torch_version": "2.11.0"}'
              if name.endswith("model.json") else content) for name, content in members]
    yield "exported_program", make_zip(short)
    yield "with_checksums", make_zip(short, has_crc=True)

    def config(**entries):
        return json.dumps({"config": entries}).encode()

    def payload(record, sizes=(2,), strides=(1,), offset=0, dtype=7, use_pickle=False, is_param=True):
        numbers = lambda values: [{"as_int": value} for value in values]
        return {"path_name": record, "is_param": is_param, "use_pickle": use_pickle,
                "tensor_meta": {"dtype": dtype, "sizes": numbers(sizes), "requires_grad": True,
                                "device": {"type": "cpu", "index": None}, "strides": numbers(strides),
                                "storage_offset": {"as_int": offset}, "layout": 7}}

    inner = make_zip([("a/data.pkl", whole(tensor(storage("FloatStorage", "0", 2), 0, (2,), (1,)))),
                      ("a/data/0", bytes(8)), ("a/version", b"3\n")])

    def archive(weights, constants=config(), method=0):
        return make_zip([
            ("m/data/weights/weight_0", bytes(range(12))), ("m/data/weights/pickled", inner),
            ("m/data/weights/model_weights_config.json", weights),
            ("m/data/constants/tensor_0", bytes(8)),
            ("m/data/constants/model_constants_config.json", constants),
            ("m/models/model.json", b'{"schema_version": {"major": 8, "minor": 17}, "torch_version": "2.11.0"}'),
            ("m/archive_format", b"pt2"), ("m/archive_version", b"0"), ("m/.data/version", b"6"),
            ("m/byteorder", b"little")], method=method)

    yield "two_over_one_record", archive(config(w=payload("weight_0"), tied=payload("weight_0", offset=1)),
                                         config(c=payload("tensor_0", is_param=False)))
    yield "pickled_weight", archive(config(w=payload("pickled", use_pickle=True)))
    yield "every_meta_at_odds", archive(config(w=payload("weight_0", (3, 0), (1 << 62, 2), 1 << 40),
                                               v=payload("none", (), (), 0, 13)))
    yield "old_before_2_8", make_zip([
        ("serialized_exported_program.json", b'{"schema_version": {"major": 8, "minor": 5}}'),
        ("serialized_state_dict.pt", make_zip([
            ("a/data.pkl", whole(dictionary(w=tensor(storage())))), ("a/data/0", bytes(24)), ("a/version", b"3\n")])),
        ("serialized_constants.pt", make_zip([("a/data.pkl", whole(b"}")), ("a/version", b"3\n")])),
        ("version", b"8.5")])


class Unseekable(io.BytesIO):
    """What makes zipfile write sizes after the content, as torch does."""

    def seek(self, *_):
        raise io.UnsupportedOperation


def zip_files():
    members = [("a/", b""), ("a/one", b"content " * 20), ("two", b"")]
    yield "stored", make_zip(members, has_crc=True)
    yield "deflated", make_zip(members, method=8, has_crc=True)
    yield "without_checksums", make_zip(members, method=8)
    yield "zip64", make_zip(members, zip64=True)
    yield "commented", make_zip(members, comment=b"PK\5\6 is in the comment")
    yield "empty", make_zip([])
    yield "name_twice", make_zip([("n", b"1"), ("n", b"2")])
    yield "cut_off", make_zip(members)[:120]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("by_python"), b"12345")
    yield "by_python", buffer.getvalue()
    yield "by_torch", (TORCH / "dict_one_entry.pt").read_bytes()
    stream = Unseekable()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(zipfile.ZipInfo("sizes_after_content"), b"12345")
    yield "sizes_after_content", stream.getvalue()


def deflate_streams():
    for level in (0, 1, 9):
        deflate = zlib.compressobj(level, zlib.DEFLATED, -15)
        yield "level_%d" % level, deflate.compress(b"some words, some more words " * 30) + deflate.flush()
    fixed = zlib.compressobj(9, zlib.DEFLATED, -15, 8, zlib.Z_FIXED)
    yield "fixed_codes", fixed.compress(bytes(range(256)) * 2) + fixed.flush()
    flushed = zlib.compressobj(6, zlib.DEFLATED, -15)
    yield "several_blocks", (flushed.compress(b"one" * 50) + flushed.flush(zlib.Z_FULL_FLUSH) +
                             flushed.compress(b"two" * 50) + flushed.flush())
    zeros = zlib.compressobj(9, zlib.DEFLATED, -15)
    yield "zeros", zeros.compress(bytes(100_000)) + zeros.flush()
    yield "empty", b"\3\0"
    yield "bytes_behind_the_end", b"\3\0more"
    yield "bad_block", b"\7"


def zstd_frames():
    """Raw and run-length blocks by hand, and what libzstd makes."""
    def frame(descriptor, rest, *blocks):
        out = struct.pack("<I", 0xFD2FB528) + bytes((descriptor,)) + rest
        for i, (kind, size, content) in enumerate(blocks):
            header = size << 3 | kind << 1 | (i + 1 == len(blocks))
            out += struct.pack("<I", header)[:3] + content
        return out

    yield "raw_block", frame(0x20, b"\5", (0, 5, b"hello"))
    yield "run_length", frame(0x60, struct.pack("<H", 1000 - 256), (1, 1000, b"x"))
    yield "two_blocks", frame(0x20, b"\7", (0, 3, b"abc"), (1, 4, b"d"))
    yield "size_not_recorded", frame(0x00, b"\x58", (0, 5, b"hello"))
    yield "empty", frame(0x20, b"\0", (0, 0, b""))
    yield "size_is_wrong", frame(0x20, b"\x09", (0, 5, b"hello"))
    yield "huge_size", frame(0xE0, struct.pack("<Q", 1 << 62), (0, 5, b"hello"))
    yield "skippable", struct.pack("<II", 0x184D2A50, 4) + b"skip"
    yield "cut_off", frame(0x20, b"\5", (0, 5, b"hell"))
    # With literals and sequences.
    words = b"".join(b"word %d of %d; " % (i, i * i % 97) for i in range(100))
    out = ctypes.create_string_buffer(4096)
    zstd = ctypes.CDLL("libzstd.so.1")
    zstd.ZSTD_compress.restype = ctypes.c_size_t
    size = zstd.ZSTD_compress(out, ctypes.c_size_t(len(out)), words, ctypes.c_size_t(len(words)), 9)
    yield "compressed_block", out.raw[:size]


def detect_files():
    yield "torch_zip", (TORCH / "dict_empty.pt").read_bytes()
    yield "torch_legacy", dict(legacy_files())["one_tensor"]
    yield "torch_tar", dict(tar_files())["one_tensor"][:1024]
    yield "safetensors", dict(safetensors_files())["one_tensor"]
    yield "bare_pickle", pickle.dumps({"a": 1}, 4)
    yield "bare_pickle_0", pickle.dumps({"a": 1}, 0)
    yield "gguf", b"GGUF" + struct.pack("<IQQ", 3, 1, 1)
    yield "hdf5", b"\x89HDF\r\n\x1a\n" + bytes(40)
    yield "onnx", b"\x08\x07\x12\x07pytorch\x1a\x042.11:\x0a\x12\x04main"
    yield "shard_index", b'{"metadata": {"total_size": 8}, "weight_map": {"w": "model-00001-of-00002.safetensors"}}'
    yield "git_lfs_pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 8\n"
    yield "web_page", b"<!DOCTYPE html>\n<html><head><title>Not found</title></head></html>"
    yield "zeros", bytes(64)
    yield "zstd", dict(zstd_frames())["raw_block"]
    yield "gzip", b"\x1f\x8b\x08" + bytes(15)
    yield "numpy", b"\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"
    yield "text", b"hello, world\n" * 4
    yield "empty", b""


def scan_files():
    evil = b"\x80\2cposix\nsystem\nX\2\0\0\0ls\x85R."
    yield "evil", evil
    yield "evil_protocol_0", b"cposix\nsystem\n(Vls\ntR."
    yield "evil_protocol_4", b"\x80\4\x8c\5posix\x94\x8c\6system\x94\x93\x8c\2ls\x85R."
    yield "evil_instance", b"(S'ls'\niposix\nsystem\n."
    yield "evil_behind_damage", b"\x80\2}q\0\xff\xff" + evil
    yield "evil_in_zip", make_zip([("m/data.pkl", evil)])
    yield "evil_in_deflated_zip", make_zip([("m/data.pkl", evil)], method=8)
    yield "evil_in_zip_in_zip", make_zip([("inner.zip", make_zip([("data.pkl", evil)]))])
    yield "evil_in_tar", tar_member("pickle", evil) + bytes(1024)
    yield "evil_behind_a_pickle", pickle.dumps([1, 2], 2) + evil
    yield "evil_between_members", make_zip([("a", b"1")])[:35] + evil + make_zip([("a", b"1")])[35:]
    yield "name_made_while_running", b"bytes\x80\2\x82\5)R."
    yield "memo_and_strings", b"\x80\4\x8c\2os\x94h\0\x8c\6system\x940h\0h\1\x93."
    yield "good", whole(call("collections", "OrderedDict"))
    yield "numpy_of_objects", (b"\x93NUMPY\1\0v\0" + b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(
        117) + b"\n" + pickle.dumps([1], 3))
    yield "torch_zip", (TORCH / "dict_one_entry.pt").read_bytes()
    yield "torch_legacy", dict(legacy_files())["class_with_its_source"]
    yield "name_twice", make_zip([("n.pkl", evil), ("n.pkl", b"N.")])


def checkpoint_files():
    for prefix, files, names in (
            ("zip", torch_zip_files, ("big_endian", "conjugate_and_negative", "deflated", "dict_one_entry",
                                      "meta_tensors", "views_and_ties", "classes_numpy", "with_checksums")),
            ("legacy", legacy_files, ("one_tensor", "view_of_a_storage")),
            ("pickle", bare_pickles, ("tensor", "numpy", "numpy_buffer")),
            ("tar", tar_files, ("one_tensor", "two_storages_and_a_view")),
            ("script", torch_script_files, ("small", "small_deflated")),
            ("pt2", torch_pt2_files, ("two_over_one_record", "pickled_weight", "old_before_2_8")),
            ("safetensors", safetensors_files, ("one_tensor", "all_dtypes", "shapes"))):
        made = dict(files())
        for name in names:
            yield prefix + "_" + name, made[name]
    every = whole(dictionary(**{
        kind: tensor(storage(kind + "Storage", kind, 4), 1, (3,), (1,))
        for kind in ("Bool", "Half", "Double", "ComplexFloat", "BFloat16", "Short")}))
    sizes = {"Bool": 1, "Half": 2, "Double": 8, "ComplexFloat": 8, "BFloat16": 2, "Short": 2}
    yield "zip_six_dtypes", make_zip([("m/data.pkl", every), ("m/version", b"3")] + [
        ("m/data/" + kind, bytes(range(4 * size))) for kind, size in sizes.items()])


def migrations():
    def rules(*items, **also):
        return json.dumps({"model": "m", "from": "1", "to": "2", **also, "rules": list(items)}).encode()

    yield "names", rules(
        {"rename": "a.*", "to": "b.*"}, {"rename": "^b\\.(q)", "to": "\\1.b", "regex": True, "all": True},
        {"add_prefix": "n."}, {"strip_prefix": "n."}, {"drop": "head", "optional": True})
    yield "numbers", rules(
        {"cast": "*", "to": "bfloat16"},
        {"add": "n", "dtype": "float16", "shape": [3], "value": "nan", "beside": "embed"},
        {"drop": "n", "restore": {"dtype": "float16", "shape": [3], "value": 1}},
        {"require": "a", "dtype": "bfloat16", "optional": True})
    yield "root", rules({"require": "*", "absent": True}, root="a")
    yield "shapes", rules(
        {"transpose": "embed"}, {"permute": "head", "order": [1, 0]},
        {"reshape": "embed", "from": [2, -1], "to": [-1]}, {"slice": "head", "index": "[:1]"})
    yield "split", rules(
        {"split": "*.qkv", "into": ["*.q", "*.k", "*.v"], "dim": 0},
        {"concat": ["*.k", "*.v"], "to": "*.kv", "dim": 0, "sizes": [2, 2]})
    yield "large_shape", rules({"add": "n", "dtype": "float64", "shape": [1 << 62, 1 << 62], "value": 0})
    yield "cut_off", rules({"rename": "a", "to": "b"})[:55]
    yield "deep", b'{"rules": ' + b"[" * 40


def shard_indexes():
    yield "two_files.json", json.dumps({"metadata": {"total_size": 12, "note": "n"}, "weight_map": {
        "a": "m-00001-of-00002.safetensors", "b": "m-00002-of-00002.safetensors"}}).encode()
    yield "leads_out.json", b'{"weight_map": {"a": "../b"}}'
    yield "repeated.json", b'{"weight_map": {"a": "b", "a": "c"}}'


def store_records():
    yield "step", (b'{"schema": "hoist.step/1", "step": 7, "time_ns": 5, '
                   b'"metrics": {"loss": 0.5, "far": "inf"}, "pinned": true}')
    yield "latest", b'{"schema": "hoist.latest/1", "step": 7, "name": "step-7.hoist", "time_ns": 5}'
    yield "trainer", b'{"global_step": 500, "log_history": [{"loss": 1.0, "step": 500}, {"step": 1}, 3]}'
    yield "cut_off", b'{"schema":"hoist.step/1","step":7,'
    yield "large_number", b'{"schema":"hoist.step/1","step":18446744073709551615,"time_ns":1e400}'
    yield "not_utf8", b'{"schema":"hoist.latest/1","step":1,"name":"\xff","time_ns":1}'


def manifests():
    digest, other = b"a" * 64, b"0123456789abcdef" * 4
    yield "text", digest + b"  a.pt\n" + other + b"  dir/b c.pt\n"
    yield "binary", digest + b" *a.pt\r\n"
    yield "tag", b"SHA256 (a (1).pt) = " + other + b"\n"
    yield "escaped", b"\\" + digest + b"  a\\nb\\\\c\n"
    yield "bad_escape", b"\\" + digest + b"  a\\t"
    yield "comment", b"# sums\n\n" + digest + b"  a\n"
    yield "no_name", digest + b"  "
    yield "cut_off", digest[:40]


def slices():
    for i, item in enumerate(("0", "-1", "1:3", "::2", "...", "0:4, -1", "..., 0", ":, 1:", "9223372036854775807",
                              "-9223372036854775808:", "1:2:0", "", " 1 , 2 ", "[0]", "::9223372036854775807", "a")):
        yield "slice_%02d" % i, bytes((3, 4, 5, 1)) + item.encode()


def escapes():
    for i, item in enumerate((b"'a\\n\\t\\\\\\'\\x41\\101\\0z'", b'"it\'s"', b"'\\q'", b"'\\x4'", b"caf\xe9 \\u20ac "
                              b"\\U0001f600 \\n", b"\\ud800", b"\\u12", b"\\U0011ffff", b"18446744073709551616",
                              b"-18446744073709551616", b"+9223372036854775808", b"-", b"", b"0" * 40 + b"1",
                              b"-128", b"-9223372036854775809")):
        yield "text_%02d" % i, item


def main():
    targets = {
        "core/compress/inflate": deflate_streams(),
        "core/compress/zstd": zstd_frames(),
        "checkpoint/pickle/pickle": list(pickles().items()) + list(old_pickles()),
        "checkpoint/pickle/text_escapes": escapes(),
        "checkpoint/zip/zip_directory": zip_files(),
        "checkpoint/formats/detect/detect": detect_files(),
        "checkpoint/formats/pickle/pickle_reader": bare_pickles(),
        "checkpoint/formats/safetensors/safetensors": safetensors_files(),
        "checkpoint/formats/torch_legacy/torch_legacy": list(legacy_files()) + [
            (path.stem, path.read_bytes()) for path in sorted(TORCH.glob("legacy_*.pt"))],
        "checkpoint/formats/torch_tar/torch_tar": tar_files(),
        "checkpoint/formats/torch_zip/torch_zip": torch_zip_files(),
        "checkpoint/formats/torch_script/torch_script": torch_script_files(),
        "checkpoint/formats/torch_pt2/torch_pt2": torch_pt2_files(),
        "checkpoint/formats/shard_index/shard_index": shard_indexes(),
        "checkpoint/migrate/model_migration": migrations(),
        "checkpoint/scan/file_scan": scan_files(),
        "checkpoint/selection/tensor_slice": slices(),
        "checkpoint/store/store_records": store_records(),
        "checkpoint/verify/manifest": manifests(),
        "checkpoint/checkpoint": checkpoint_files(),
        "tools/ui/catalog_view": [(name, data) for name, data in pickles().items() if len(data) < 4000],
    }
    for target, files in targets.items():
        count = size = 0
        for name, content in files:
            write(target, name, content)
            count, size = count + 1, size + len(content)
        print("%-48s %3d files %7d bytes" % (target, count, size))


if __name__ == "__main__":
    main()
