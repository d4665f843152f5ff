"""The Python package on the runtime's sample artifacts, which need no compiler:
affine.weft computes y = x * [1, 2, 3] + [10, 20, 30] on rows of three."""

import threading
from pathlib import Path

import numpy
import pytest

import weft

BUILD = Path(__file__).resolve().parents[2] / "build"
SAMPLE = BUILD / "test" / "Runtime" / "affine.weft"


@pytest.fixture(scope="module")
def model():
    return weft.load(SAMPLE, threads=2)


def expected(x):
    return x * numpy.float32([1, 2, 3]) + numpy.float32([10, 20, 30])


def rows(count):
    return numpy.arange(3 * count, dtype=numpy.float32).reshape(count, 3)


def test_description(model):
    assert model.inputs == (("x", numpy.dtype("float32"), ("N", 3)),)
    assert model.outputs == (("y", numpy.dtype("float32"), ("N", 3)),)
    assert [kernel.name for kernel in model.kernels] == ["scale", "shift"]
    assert model.session(threads=1).threads == 1


@pytest.mark.parametrize("count", [1, 5, 0])
def test_call(model, count):
    x = rows(count)
    numpy.testing.assert_array_equal(model(x), expected(x))
    numpy.testing.assert_array_equal(model(x=x), expected(x))
    numpy.testing.assert_array_equal(model.run({"x": x})["y"], expected(x))


@pytest.mark.parametrize("view", [
    lambda x: x[::2], lambda x: x[::-1], lambda x: numpy.asfortranarray(x)])
def test_strides(model, view):
    x = view(rows(6))
    numpy.testing.assert_array_equal(model(x), expected(x))


def test_prepared_call_sees_new_values(model):
    x = rows(2)
    call = model.session().prepare({"x": x})
    call()
    first = call.outputs()["y"]
    x += 1
    call()
    numpy.testing.assert_array_equal(call.outputs()["y"], expected(x))
    numpy.testing.assert_array_equal(first, expected(x - 1))


def test_threads_have_sessions_of_their_own(model):
    wrong = []

    def work(seed):
        x = rows(seed + 1)
        for _ in range(50):
            if not numpy.array_equal(model(x), expected(x)):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_profile(model):
    seen = []
    session = model.session(threads=1, on_kernel=lambda *event: seen.append(event))
    session.run({"x": rows(2)})
    assert [kernel for kernel, _, _ in seen] == [0, 1]
    assert all(begin <= end for _, begin, end in seen)


@pytest.mark.parametrize("feed, message", [
    ({"x": numpy.zeros((2, 4), "float32")}, "input 'x'"),
    ({"x": numpy.zeros((2, 3), "float64")}, "input 'x' has type f64"),
    ({"z": rows(1)}, "'z'"),
    ({}, "'x'"),
    ({"x": numpy.zeros((2, 3), "complex64")}, "input 'x' has type complex64"),
])
def test_wrong_inputs(model, feed, message):
    with pytest.raises(weft.Error, match=message):
        model.run(feed)


def test_too_many_inputs(model):
    with pytest.raises(weft.Error, match="2 inputs were given where the model takes 1"):
        model(rows(1), rows(1))


def test_wrong_file(tmp_path):
    with pytest.raises(weft.Error, match="absent.weft"):
        weft.load(tmp_path / "absent.weft")
    letter = tmp_path / "letter.weft"
    letter.write_text("Dear all,\n" * 100)
    with pytest.raises(weft.Error, match="is not a Weft artifact"):
        weft.load(letter)


def test_shared_weights_compute_the_same(model):
    shared = weft.load(SAMPLE, share_weights=True)
    for _ in range(3):
        assert numpy.array_equal(shared(rows(4)), model(rows(4)))


def test_save(model, tmp_path):
    model.save(tmp_path / "copy.weft")
    assert weft.load(tmp_path / "copy.weft")(rows(1)).shape == (1, 3)
