"""load_op_library, on a library that is installed and on files that are none of a package's."""

import opwright_softmax
import opwright_tf1 as tf
import pytest
from opwright.errors import LibraryError
from opwright.runtime import package_files


def test_a_package_is_found_by_its_library():
    path = package_files(opwright_softmax.__path__, "libsoftmax_cpu*")[0]
    module = tf.load_op_library(str(path))
    with tf.Session() as session:
        assert session.run(module.softmax([[0.0, 0.0]])).tolist() == [[0.5, 0.5]]


def test_other_files_are_refused(tmp_path):
    with pytest.raises(LibraryError, match=r"must be a file, got '\./zero_out\.so'"):
        tf.load_op_library("./zero_out.so")
    (tmp_path / "zero_out.so").write_bytes(b"")
    with pytest.raises(LibraryError, match=r"must belong to an installed package of ops, got .*; pip install"):
        tf.load_op_library(tmp_path / "zero_out.so")
