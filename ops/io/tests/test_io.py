"""Files, records, examples, rows: there and back, in graphs too, and what is wrong with them."""

import struct

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, InvalidArgumentError, ShapeError
from opwright_io.crc32c import crc32c, masked

NotFoundError, AlreadyExistsError = ow.errors.NotFoundError, ow.errors.AlreadyExistsError


def test_files_there_and_back(tmp_path):
    path = str(tmp_path / "a" / "b.bin")
    ow.io.write_file(path, b"\0\xffdata")
    assert ow.io.read_file(path).numpy() == b"\0\xffdata"
    assert ow.io.matching_files(str(tmp_path / "*" / "*.bin")).numpy().tolist() == [path.encode()]
    with ow.Graph().as_default():
        name = ow.placeholder("string", [])
        written, contents = ow.io.write_file(name, "new"), ow.io.read_file(name)
        with ow.Session() as session:
            session.run(written, {name: path})
            assert session.run(contents, {name: path}) == b"new"
    with pytest.raises(NotFoundError, match=r"\[read_file\] filename must be a file, got '.*none'"):
        ow.io.read_file(str(tmp_path / "none"))


def test_gfile(tmp_path):
    gfile, top = ow.io.gfile, str(tmp_path / "top")
    gfile.makedirs(gfile.join(top, "in"))
    with gfile.GFile(gfile.join(top, "x.txt"), "w") as file:
        file.write("one\ntwo\n")
    with gfile.GFile(gfile.join(top, "x.txt")) as file:
        assert file.size() == 8
        assert file.readline() == "one\n"
        assert list(file) == ["two\n"]
    assert gfile.listdir(top) == ["in", "x.txt"]
    assert gfile.isdir(gfile.join(top, "in"))
    assert gfile.glob(gfile.join(top, "*.txt")) == [gfile.join(top, "x.txt")]
    gfile.copy(gfile.join(top, "x.txt"), gfile.join(top, "y.txt"))
    with pytest.raises(AlreadyExistsError, match=r"\[copy\] dst must not exist.*pass overwrite=True"):
        gfile.copy(gfile.join(top, "x.txt"), gfile.join(top, "y.txt"))
    gfile.rename(gfile.join(top, "y.txt"), gfile.join(top, "z.txt"))
    assert [names for *_, names in gfile.walk(top)] == [["x.txt", "z.txt"], []]
    gfile.remove(gfile.join(top, "z.txt"))
    gfile.rmtree(top)
    assert not gfile.exists(top)
    with pytest.raises(NotFoundError, match=r"\[rmtree\] path must exist"):
        gfile.rmtree(top)
    with pytest.raises(NotFoundError, match=r"\[mkdir\] the folder above must exist"):
        gfile.mkdir(gfile.join(top, "in"))
    with pytest.raises(NotFoundError, match=r"\[GFile\] path must exist"):
        gfile.GFile(top).read()


def test_raw_numbers():
    x = np.array([[1.5, -2.0]], np.float32)
    assert ow.io.decode_raw([x.tobytes()], "float32").numpy().tolist() == x.tolist()
    assert ow.io.decode_raw(b"\x01\x02", "uint8").numpy().tolist() == [1, 2]
    assert ow.io.decode_raw(b"\x01\x02", "int16", little_endian=False).numpy().tolist() == [258]
    with pytest.raises(ValueError, match=r"strings must have one length, a multiple of 2 bytes, got \[3\]"):
        ow.io.decode_raw(b"abc", "int16")


def test_rows_of_comma_separated_values():
    rows = ["1,2.5,x", ',3,"y,z"']
    a, b, c = ow.io.decode_csv(rows, [[7], [0.0], ["d"]])
    assert (a.dtype, b.dtype, c.dtype) == (ow.int32, ow.float32, ow.string)
    assert a.numpy().tolist() == [1, 7]
    assert b.numpy().tolist() == [2.5, 3.0]
    assert c.numpy().tolist() == [b"x", b"y,z"]
    (last,) = ow.io.decode_csv(rows, [ow.string], select_cols=[2])
    assert last.numpy().tolist() == [b"x", b"y,z"]
    assert ow.io.decode_csv("a;NA", ["", [1.0]], field_delim=";", na_value="NA")[1].numpy() == 1.0
    with pytest.raises(InvalidArgumentError, match="record 0 must have 2 fields, got 3"):
        ow.io.decode_csv(rows, [[1], [1]])
    with pytest.raises(InvalidArgumentError, match="a string must hold a int32, got b''"):
        ow.io.decode_csv([","], [ow.int32, ow.string])
    with pytest.raises(ArgumentError, match="an item for each of 1 columns, got 2"):
        ow.io.decode_csv(rows, [[1], [1]], select_cols=[0])


def test_checksums():
    assert crc32c(b"123456789") == 0xE3069283  # the standard's check value
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    assert masked(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF


@pytest.mark.parametrize("compression", ["", "GZIP", "ZLIB"])
def test_records_there_and_back(tmp_path, compression):
    path = tmp_path / "records"
    with ow.io.TFRecordWriter(path, ow.io.TFRecordOptions(compression)) as writer:
        for record in (b"one", b"", b"x" * 100_000):
            writer.write(record)
    assert list(ow.io.tf_record_iterator(path, compression)) == [b"one", b"", b"x" * 100_000]


def test_a_damaged_record_is_found(tmp_path):
    path = tmp_path / "records"
    with ow.io.TFRecordWriter(path) as writer:
        writer.write(b"one")
        writer.write(b"two")
    data = bytearray(path.read_bytes())
    assert struct.unpack("<Q", data[:8]) == (3,)
    data[-5] ^= 1
    path.write_bytes(data)
    with pytest.raises(ow.errors.DataLossError, match=r"record 1 of .* must have the checksum it says"):
        list(ow.io.tf_record_iterator(path))
    path.write_bytes(data[:25])
    with pytest.raises(ow.errors.DataLossError, match=r"record 1 of .* must begin with a length"):
        list(ow.io.tf_record_iterator(path))
    with pytest.raises(NotFoundError, match=r"\[TFRecord\] path must be a file"):
        next(ow.io.tf_record_iterator(tmp_path / "none"))
    with pytest.raises(ArgumentError, match="compression_type must be '', GZIP or ZLIB, got 'LZ4'"):
        ow.io.TFRecordOptions("LZ4")


def example(**lists):
    return ow.train.Example(features=ow.train.Features(feature={k: ow.train.Feature(**v) for k, v in lists.items()}))


# What TensorFlow 2.21 writes for i = [1, -2], f = [1.5], b = [b"x"].
WRITTEN = bytes.fromhex(
    "0a310a0a0a016212050a030a01780a0d0a0166120812060a040000c03f0a140a0169120f1a0d0a0b01feffffffffffffffff01"
)


def test_examples_are_tensorflows_message():
    made = example(
        i={"int64_list": ow.train.Int64List(value=[1, -2])},
        f={"float_list": ow.train.FloatList(value=[1.5])},
        b={"bytes_list": ow.train.BytesList(value=[b"x"])},
    )
    assert made.SerializeToString() == WRITTEN
    read = ow.train.Example.FromString(WRITTEN).features.feature
    assert read["i"].int64_list.value == [1, -2]
    assert read["f"].float_list.value == [1.5]
    assert read["b"].WhichOneof("kind") == "bytes_list"
    with pytest.raises(ArgumentError, match=r"\[BytesList\] values must be bytes, got 'x'; encode text"):
        ow.train.BytesList(value=["x"])
    with pytest.raises(ValueError, match="a message must consist of whole fields"):
        ow.train.Example.FromString(b"\x0a\xff")


def test_examples_as_tensors():
    features = {
        "i": ow.io.FixedLenFeature([2], ow.int64),
        "b": ow.io.FixedLenFeature([], ow.string),
        "more": ow.io.FixedLenFeature([2], ow.float32, 0.5),
    }
    one = ow.io.parse_single_example(WRITTEN, features)
    assert one["i"].numpy().tolist() == [1, -2]
    assert one["b"].numpy() == b"x"
    assert one["more"].numpy().tolist() == [0.5, 0.5]
    with ow.Graph().as_default():
        fed = ow.placeholder("string", [None])
        parsed = ow.io.parse_example(fed, features)
        assert parsed["i"].shape.as_list() == [None, 2]
        with ow.Session() as session:
            assert session.run(parsed["i"], {fed: [WRITTEN] * 3}).tolist() == [[1, -2]] * 3
    for spec, text in (
        (ow.io.FixedLenFeature([1], ow.int64), r"feature 'i' must have shape \(1,\), got 2 values"),
        (ow.io.FixedLenFeature([2], ow.float32), "feature 'i' must be a float_list, got a int64_list"),
    ):
        with pytest.raises(ValueError, match=text):
            ow.io.parse_single_example(WRITTEN, {"i": spec})
    with pytest.raises(ValueError, match="a record must have the feature 'none', which has no default"):
        ow.io.parse_single_example(WRITTEN, {"none": ow.io.FixedLenFeature([1], ow.int64)})
    with pytest.raises(ShapeError, match="serialized must be one string"):
        ow.io.parse_single_example([WRITTEN], features)


def test_images_through_files(tmp_path, rng):
    pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    x = rng.integers(0, 256, (4, 5, 3)).astype(np.uint8)
    path = str(tmp_path / "x.png")
    ow.io.write_file(path, ow.io.encode_png(x))
    np.testing.assert_array_equal(ow.io.decode_png(ow.io.read_file(path)), x)
