"""PNG and JPEG there and back: channels, graphs, bytes and tensors, what Pillow writes, what is missing or broken."""

import io
import sys

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, InvalidArgumentError, PluginError

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_there_and_back(channels, rng):
    x = rng.integers(0, 256, (5, 7, channels)).astype(np.uint8)
    for compression in (-1, 0, 9):
        encoded = ow.image.encode_png(x, compression)
        assert encoded.dtype == "string"
        np.testing.assert_array_equal(np.asarray(ow.image.decode_png(encoded)), x)
    contents = encoded.numpy()
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(contents))).reshape(x.shape), x)
    np.testing.assert_array_equal(np.asarray(ow.image.decode_image(contents)), x)


def test_channels_asked_for(rng):
    x = rng.integers(0, 256, (3, 4, 3)).astype(np.uint8)
    contents = ow.image.encode_png(x).numpy()
    assert ow.image.decode_png(contents, channels=1).shape == (3, 4, 1)
    assert np.asarray(ow.image.decode_png(contents, channels=4))[..., 3].min() == 255
    floats = ow.image.decode_image(contents, dtype="float32")
    np.testing.assert_allclose(np.asarray(floats), x / 255, rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg(channels):
    ramp = np.linspace(0, 255, 32)
    x = np.repeat((ramp[:, None, None] + ramp[:, None]) / 2, channels, -1).astype(np.uint8)
    encoded = ow.image.encode_jpeg(x, quality=95)
    found = np.asarray(ow.image.decode_jpeg(encoded))
    assert found.shape == x.shape
    assert abs(found.astype(int) - x).max() <= 4  # JPEG loses some
    smaller = ow.image.encode_jpeg(x, quality=20)
    assert len(smaller.numpy()) < len(encoded.numpy())
    np.testing.assert_array_equal(ow.image.decode_jpeg(np.frombuffer(encoded.numpy(), np.uint8)), found)


def test_in_a_graph(rng):
    images = [rng.integers(0, 256, (n, n + 1, 3)).astype(np.uint8) for n in (2, 5)]
    with ow.Graph().as_default():
        contents = ow.placeholder("uint8", [None])
        image = ow.image.decode_png(contents, channels=3)
        assert image.shape.as_list() == [None, None, 3]
        small = ow.image.resize(image, [2, 2])
        with ow.Session() as session:
            for x in images:
                made = io.BytesIO()
                Image.fromarray(x).save(made, "PNG")
                found, less = session.run([image, small], {contents: np.frombuffer(made.getvalue(), np.uint8)})
                np.testing.assert_array_equal(found, x)
                assert less.shape == (2, 2, 3)


def test_errors():
    with pytest.raises(
        (InvalidArgumentError, ValueError), match=r"\[decode_png\] contents must be an image of format PNG"
    ):
        ow.image.decode_png(b"no image")
    with pytest.raises(ArgumentError, match=r"\[decode_jpeg\] channels must be one of 0, 1, 3, got 4"):
        ow.image.decode_jpeg(b"", channels=4)
    with pytest.raises(ArgumentError, match=r"\[decode_png\] dtype must be uint8, got uint16; cast the image"):
        ow.image.decode_png(b"", dtype="uint16")
    with pytest.raises(
        ArgumentError,
        match=r"\[encode_jpeg\] image must be \[height, width, channels\], 1, 3 channels, got \(2, 2, 4\)",
    ):
        ow.image.encode_jpeg(np.zeros((2, 2, 4), np.uint8))
    with pytest.raises(ArgumentError, match=r"\[encode_jpeg\] quality must lie in \[0, 100\], got 101"):
        ow.image.encode_jpeg(np.zeros((2, 2, 3), np.uint8), quality=101)
    with pytest.raises(ArgumentError, match=r"\[encode_png\] compression must lie in \[-1, 9\], got 10"):
        ow.image.encode_png(np.zeros((2, 2, 3), np.uint8), 10)
    deep = io.BytesIO()
    Image.fromarray(np.zeros((2, 2), np.uint16)).save(deep, "PNG")
    with pytest.raises(
        (InvalidArgumentError, ValueError), match=r"\[decode_png\] images must have 8 bits a channel, got mode I;16"
    ):
        ow.image.decode_png(deep.getvalue())


def test_without_pillow(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(PluginError, match=r"need Pillow, which is not installed; pip install pillow"):
        ow.image.decode_png(b"")
