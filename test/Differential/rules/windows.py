"""Operators on pictures: windows that slide, samples between pixels."""

from .common import *


def sees_input(extent, before, count, stride, dilation, kernel):
    """Whether each of `count` windows along one dimension has an element that is
    no padding: what a pool gives without one is open."""
    return all(any(0 <= at * stride - before + tap * dilation < extent for tap in range(kernel))
               for at in range(count))


def window(b, x, most=3, dilated=True, kernel=None):
    """Attributes of a window over the spatial dimensions, and their extents
    after it; None where it does not fit."""
    spatial = x.shape[2:]
    kernel = kernel or [b.integer(1, most) for _ in spatial]
    strides = [b.integer(1, 2) for _ in spatial]
    dilations = [b.integer(1, 2) if dilated else 1 for _ in spatial]
    automatic = b.choice(["SAME_UPPER", "SAME_LOWER", "VALID"]) if b.chance(0.2) else None
    if automatic:
        dilations = [1] * len(spatial)
        # A window shorter than its stride takes no padding; ONNX Runtime and the evaluator take less than none.
        strides = [min(s, k) for s, k in zip(strides, kernel)]
    pads = [b.integer(0, k - 1) if not automatic else 0 for k in kernel + kernel]
    extents = []
    for i, extent in enumerate(spatial):
        reach = dilations[i] * (kernel[i] - 1) + 1
        if automatic and automatic != "VALID":
            sizes = tuple(-(-e // strides[i]) for e in extent)
        else:
            sizes = tuple((e + pads[i] + pads[len(spatial) + i] - reach) // strides[i] + 1 for e in extent)
        if min(sizes) < 1 or min(extent) < 1 or not automatic and not all(
                sees_input(e, pads[i], n, strides[i], dilations[i], kernel[i]) for e, n in zip(extent, sizes)):
            return None
        extents.append(sizes)
    attributes = {"kernel_shape": kernel, "strides": strides, "auto_pad": automatic, "pads": pads, "dilations": dilations}
    for name in ("pads",) if automatic else ("auto_pad",):
        del attributes[name]
    if not dilated or automatic:
        del attributes["dilations"]
    return attributes, extents


def divisors(n):
    return [g for g in range(1, n + 1) if n % g == 0]


def conv(b):
    x = b.pick(["float32"] * 5 + ["float64"], images)
    found = x and window(b, x, b.choice([3, 3, 5]))
    if not found:
        return None
    attributes, extents = found
    channels = x.shape[1][0]
    groups = b.choice([1, 1, channels, b.choice(divisors(channels))])
    outputs = groups * b.integer(1, max(1, min(4, 70 // groups)))
    if groups == 1 and b.chance(0.5):
        outputs = b.integer(1, 70)
    inputs = [x, weights(b, x.type, [outputs, channels // groups, *attributes["kernel_shape"]])]
    if b.chance(0.6):
        inputs.append(b.constant(small(b, x.type, [outputs])))
    shape = [x.shape[0], (outputs, outputs), *extents]
    if b.chance(0.2):
        del attributes["kernel_shape"]  # the weights say it
    return b.node("Conv", inputs, [(x.type, shape)], group=groups, **attributes) if b.fits(shape) else None


def conv_of_values(b):
    """A convolution whose weights are a value of the graph."""
    x = b.pick(["float32"], lambda v: v.rank == 4 and v.is_static(1) and v.shape[1][0] > 0)
    weight = x and b.pick(["float32"], lambda v: v.rank == 4 and v.is_static() and filled(v) and
                          v.shape[1] == x.shape[1] and max(v.shape[2:])[0] < 6)
    found = weight and window(b, x, kernel=[n for n, _ in weight.shape[2:]])
    if not found:
        return None
    shape = [x.shape[0], weight.shape[0], *found[1]]
    return b.node("Conv", [x, weight], [(x.type, shape)], **found[0]) if b.fits(shape) else None


def conv_transpose(b):
    x = b.pick(["float32"], lambda v: images(v) and all(map(nonempty, v.shape[2:])))
    if not x:
        return None
    spatial, channels = x.rank - 2, x.shape[1][0]
    kernel, stride, dilation = ([b.integer(1, most) for _ in range(spatial)] for most in (3, 3, 2))
    groups = b.choice([1, 1, channels, b.choice(divisors(channels))])
    n = b.integer(1, 4)
    more = [b.integer(0, max(s, d) - 1) if b.chance(0.3) else 0 for s, d in zip(stride, dilation)]
    automatic = b.choice(["SAME_UPPER", "SAME_LOWER"]) if b.chance(0.2) and b.opset < 26 else None
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    pads = [b.integer(0, k - 1) for k in kernel + kernel]
    attributes = {"strides": stride, "dilations": dilation, "group": groups}
    if automatic and all(r >= s for r, s in zip(reach, stride)):
        extents = [tuple(s * e for e in extent) for s, extent in zip(stride, x.shape[2:])]
        attributes["auto_pad"] = automatic
    else:
        attributes |= {"pads": pads, "output_padding": more}
        extents = [tuple(s * (e - 1) + o + r - pads[i] - pads[spatial + i] for e in extent)
                   for i, (s, o, r, extent) in enumerate(zip(stride, more, reach, x.shape[2:]))]
    shape = [x.shape[0], (groups * n,) * 2, *extents]
    inputs = [x, b.constant(small(b, "float32", [channels, n, *kernel]) / np.float32(2))]
    if b.chance(0.5):
        inputs.append(b.constant(small(b, "float32", [groups * n])))
    return b.node("ConvTranspose", inputs, [("float32", shape)], **attributes) \
        if b.fits(shape) and all(min(e) > 0 for e in extents) else None


def deform_conv(b):
    x = b.pick(["float32"], lambda v: v.rank == 4 and v.is_static() and filled(v) and v.elements() < 1000)
    if not x or b.opset < 19:
        return None
    n, c, h, w = (e for e, _ in x.shape)
    kernel = [b.integer(1, 3) for _ in range(2)]
    outputs = b.integer(1, 3)
    oh, ow = (e + 2 - k + 1 for e, k in zip((h, w), kernel))
    groups = b.choice(divisors(c))
    offsets = b.constant(b.rng.uniform(-1.5, 1.5, [n, 2 * groups * kernel[0] * kernel[1], oh, ow]).astype("float32"))
    inputs = [x, weights(b, "float32", [outputs, c, *kernel]), offsets]
    if b.chance(0.5):
        inputs += [b.constant(small(b, "float32", [outputs])),
                   b.constant(b.rng.uniform(0, 1, [n, groups * kernel[0] * kernel[1], oh, ow]).astype("float32"))]
    shape = fixed([n, outputs, oh, ow])
    return b.node("DeformConv", inputs, [("float32", shape)], kernel_shape=kernel, pads=[1] * 4, offset_group=groups) \
        if min(oh, ow) > 0 and b.fits(shape) else None


def pool(b):
    x = b.pick(["float32"], images)
    op = b.choice(["MaxPool", "MaxPool", "AveragePool", "LpPool"])
    # Dilated averages came with opset 19; LpPool of them the evaluator does not know.
    found = x and window(b, x, dilated=op == "MaxPool" or op == "AveragePool" and b.opset >= 19)
    if not found:
        return None
    attributes, extents = found
    results = [("float32", [*x.shape[:2], *extents])]
    if op == "AveragePool":
        attributes["count_include_pad"] = b.integer(0, 1)
    elif op == "LpPool":
        attributes["p"] = b.integer(1, 3)
    elif b.chance(0.3):
        # With column-major order the references number the elements in ways of their own.
        results.append(("int64", results[0][1]))
    return b.node(op, [x], results, **attributes)


def round_up_pool(b):
    """A pool whose last windows hang over."""
    x = b.pick(["float32"], lambda v: images(v) and filled(v))
    if not x:
        return None
    spatial = x.shape[2:]
    kernel, stride = ([b.integer(low, 3) for _ in spatial] for low in (2, 1))
    pads = [b.integer(0, k // 2) for k in kernel]
    extents = []
    for k, s, p, extent in zip(kernel, stride, pads, spatial):
        # A window that starts in the padding behind is left out, but not by the
        # shape inference of older opsets, to which ONNX Runtime holds its results.
        rounded = tuple(-(-(e + 2 * p - k) // s) + 1 for e in extent)
        sizes = tuple(n - ((n - 1) * s >= e + p) for n, e in zip(rounded, extent))
        if b.opset < 22 and sizes != rounded or min(sizes) < 1 or min(extent) + 2 * p < k or not all(sees_input(e, p, n, s, 1, k) for e, n in zip(extent, sizes)):
            return None
        extents.append(sizes)
    op = b.choice(["MaxPool", "AveragePool"])
    return b.node(op, [x], [("float32", [*x.shape[:2], *extents])], kernel_shape=kernel, strides=stride, pads=pads + pads,
                  ceil_mode=1)


def global_pool(b):
    x = b.pick(["float32"], lambda v: images(v) and filled(v))
    if not x:
        return None
    # The ONNX evaluator takes the maximum over other dimensions where the rank is not 4.
    op = b.choice(["GlobalAveragePool", "GlobalMaxPool"] if x.rank == 4 else ["GlobalAveragePool"])
    if b.chance(0.2):
        return b.node("GlobalLpPool", [x], [("float32", [*x.shape[:2]] + [(1, 1)] * (x.rank - 2))], p=b.integer(1, 3))
    return b.node(op, [x], [("float32", [*x.shape[:2]] + [(1, 1)] * (x.rank - 2))])


def unpool(b):
    """MaxUnpool of what MaxPool took."""
    x = b.pick(["float32"], lambda v: v.rank == 4 and images(v) and all(min(e) > 1 and e[0] % 2 == e[1] % 2 == 0 for e in v.shape[2:]))
    if not x:
        return None
    small_ = [*x.shape[:2], *(tuple(n // 2 for n in e) for e in x.shape[2:])]
    values, places = b.node("MaxPool", [x], [("float32", small_), ("int64", small_)], kernel_shape=[2, 2], strides=[2, 2])
    return b.node("MaxUnpool", [values, places], [("float32", x.shape)], kernel_shape=[2, 2], strides=[2, 2])


def column_to_image(b):
    kernel, size = [b.integer(1, 2) for _ in range(2)], [b.integer(2, 5) for _ in range(2)]
    blocks = int(np.prod([n - k + 1 for n, k in zip(size, kernel)]))
    x = b.pick(["float32"], lambda v: v.rank == 2)
    if not x:
        return None
    # Columns are made by broadcasting a row of the value.
    columns = b.constant(small(b, "float32", [1, 2 * kernel[0] * kernel[1], blocks]))
    total, = b.node("ReduceMean", [x], [("float32", [])], keepdims=0) if filled(x) else [None]
    if not total:
        return None
    scaled, = b.node("Mul", [columns, total], [("float32", fixed([1, 2 * kernel[0] * kernel[1], blocks]))])
    return b.node("Col2Im", [scaled, ints(b, size), ints(b, kernel)], [("float32", fixed([1, 2, *size]))])


def resize(b):
    x = b.pick(["float32"], lambda v: v.rank in (3, 4, 5) and filled(v))
    if not x:
        return None
    spatial = x.shape[2:]
    mode = b.choice(["nearest", "linear", "cubic"] if x.rank == 4 else ["nearest", "linear"])
    place = b.choice(["half_pixel", "asymmetric", "pytorch_half_pixel", "align_corners", "half_pixel_symmetric"][:5 if b.opset >= 19 else 4])
    attributes = {"mode": mode, "coordinate_transformation_mode": place}
    if mode == "nearest":
        # Places halfway between two are decided by a rounding unless the scale is exact.
        attributes["coordinate_transformation_mode"] = b.choice(["half_pixel", "asymmetric"])
        attributes["nearest_mode"] = b.choice(["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
        factors = [b.choice([1, 2, 4, 0.5]) for _ in spatial]
    else:
        factors = [b.choice([1, 2, 3, 0.5, 1.5, 2.5, 0.75]) for _ in spatial]
        if mode == "cubic":
            attributes |= {"cubic_coeff_a": b.choice([-0.75, -0.5])} | ({"exclude_outside": 1} if b.chance(0.3) else {})
        if b.chance(0.2) and place in ("half_pixel", "asymmetric") and x.rank == 4:
            attributes["antialias"] = 1
    if place == "align_corners" and any(n * f % 1 for e, f in zip(spatial, factors) for n in e):
        return None  # ONNX goes by the length before it is rounded, ONNX Runtime by the one behind
    scales = np.asarray([1, 1, *factors], np.float32)
    shape = [*x.shape[:2], *(tuple(int(np.floor(n * f)) for n in e) for e, f in zip(spatial, scales[2:]))]
    if not b.fits(shape) or min(min(e) for e in shape) < 1:
        return None
    if b.chance(0.3) and all(e[0] == e[1] for e in spatial):
        sizes = ints(b, [e[0] for e in shape[2:]])
        return b.node("Resize", [x, None, None, sizes], [(x.type, shape)], axes=[*range(2, x.rank)], **attributes)
    return b.node("Resize", [x, None, b.constant(scales)], [(x.type, shape)], **attributes)


def grid_sample(b):
    x = b.pick(["float32"], lambda v: v.rank in (4, 5) and v.is_static(0) and filled(v) and v.shape[0][0] < 4)
    if not x or x.rank == 5 and b.opset < 20:
        return None
    spatial = x.rank - 2
    mode = b.choice(["nearest", "linear", "cubic"] if x.rank == 4 else ["nearest", "linear"])
    if b.opset < 20:
        mode = {"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode)
    padding = b.choice(["zeros", "border", "reflection"])
    # A place beyond the border ONNX moves there before it reads 4 x 4 pixels; ONNX
    # Runtime does not.
    inside = padding == "border" and "cubic" in mode
    out = [b.integer(1, 5) for _ in range(spatial)]
    if b.opset >= 20 and not inside and b.chance(0.3):
        theta = small(b, "float32", [x.shape[0][0], spatial, spatial + 1])
        size = ints(b, [x.shape[0][0], x.shape[1][0], *out])
        # The one place of an extent of 1 is a corner to ONNX, -1, and to ONNX
        # Runtime the centre.
        aligned = b.integer(0, 1) if min(out) > 1 else 0
        grid, = b.node("AffineGrid", [b.constant(theta * np.float32(0.8)), size],
                       [("float32", fixed([x.shape[0][0], *out, spatial]))], align_corners=aligned)
    else:
        most = 0.99 if inside else 1.3
        grid = b.constant(b.rng.uniform(-most, most, [x.shape[0][0], *out, spatial]).astype("float32"))
    shape = (*x.shape[:2], *fixed(out))
    return b.node("GridSample", [x, grid], [(x.type, shape)], mode=mode, align_corners=b.integer(0, 1),
                  padding_mode=padding) if b.fits(shape) else None


def roi(b):
    """Regions of pictures, in fractions of a pixel."""
    x = b.pick(["float32"], lambda v: v.rank == 4 and filled(v) and v.is_static(1))
    if not x:
        return None
    count, out = b.integer(1, 3), [b.integer(1, 3) for _ in range(2)]
    low = b.rng.uniform(0.1, 2, [count, 2])
    regions = np.concatenate([low, low + b.rng.uniform(1.1, 4, [count, 2])], -1).astype("float32")
    batch = b.rng.integers(0, min(x.shape[0]), count)
    shape = (*fixed([count]), x.shape[1], *fixed(out))
    if b.chance(0.3):
        rows = np.concatenate([batch[:, None], np.floor(regions)], 1).astype("float32")
        return b.node("MaxRoiPool", [x, b.constant(rows)], [("float32", shape)], pooled_shape=out)
    return b.node("RoiAlign", [x, b.constant(regions), ints(b, batch)], [("float32", shape)], output_height=out[0],
                  output_width=out[1], sampling_ratio=b.integer(0, 2), mode=b.choice(["avg", "avg", "max"]),
                  coordinate_transformation_mode=b.choice(["half_pixel", "output_half_pixel"]),
                  spatial_scale=b.choice([1.0, 0.5]))
