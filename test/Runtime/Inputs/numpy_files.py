"""Makes the inputs of weft-run.test with NumPy and checks its outputs.

Usage: numpy_files.py make FOLDER
       numpy_files.py check FILE.npz
"""

import sys
from pathlib import Path

import numpy

command, path = sys.argv[1:]
x = numpy.arange(12, dtype=numpy.float32).reshape(4, 3)
if command == "make":
    folder = Path(path)
    numpy.save(folder / "x.npy", x)
    numpy.save(folder / "columns.npy", numpy.asfortranarray(x))
    numpy.save(folder / "double.npy", x.astype(numpy.float64))
    numpy.save(folder / "object.npy", numpy.array([{}]))
    numpy.save(folder / "wide.npy", numpy.zeros((60000, 3), numpy.float32))
    arrays = {"a": numpy.ones((3, 2), numpy.float32), "b": numpy.arange(3),
              "mask": numpy.array([True, False, True])}
    numpy.savez(folder / "mix.npz", **arrays)
    numpy.savez_compressed(folder / "packed.npz", **arrays)
    arrays["b"] = numpy.arange(4)
    numpy.savez(folder / "differ.npz", **arrays)
else:
    with numpy.load(path, allow_pickle=False) as file:
        outputs = dict(file)
    if "total" in outputs:
        assert outputs["y"].tolist() == [2, 1, 2]
        assert outputs["total"].shape == () and outputs["total"] == 3
        assert outputs["total"].dtype == numpy.int64
    else:
        numpy.testing.assert_array_equal(
            outputs["y"], x * [1, 2, 3] + [10, 20, 30])
        assert outputs["y"].dtype == numpy.float32
