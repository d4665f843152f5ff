"""check_chain.py X.npy RESULT.npz…: each is relu(x w + 1) of models.py's chain."""

import sys

import numpy

w = numpy.random.default_rng(0).standard_normal((8, 4)).astype("float32")
expected = numpy.maximum(numpy.load(sys.argv[1]) @ w + 1, 0)
for path in sys.argv[2:]:
    outputs = numpy.load(path)
    assert list(outputs) == ["y"], list(outputs)
    numpy.testing.assert_allclose(outputs["y"], expected, rtol=1e-5, atol=1e-6)
