"""The rules by which operators are drawn: each takes a Builder and returns the
values that it added, or None where no operand fits. A rule that finds operands
must keep ONNX's own rules for shapes, in both sizes. Where ONNX leaves a result
open, or a reference is known to be wrong, the draw leaves that out and says why.

A theme is what a graph starts from and which rules make it grow.
"""

import graphs

from . import (control, elementwise, indexing, microsoft, movement, networks, products, quantized, reductions,
               windows)
from .common import ANY  # noqa: F401

COMMON = [
    elementwise.unary, elementwise.unary, elementwise.bounded_unary, elementwise.arithmetic, elementwise.arithmetic,
    elementwise.arithmetic, reductions.reduction, movement.reshape, movement.transpose, movement.concat, products.matmul,
    movement.slice_]

ELEMENTWISE = [
    elementwise.integer_unary, elementwise.variadic, elementwise.division, elementwise.power, elementwise.prelu,
    elementwise.comparison, elementwise.kinds, elementwise.logic, elementwise.bitwise, elementwise.where,
    elementwise.clip, elementwise.cast, elementwise.cast, elementwise.text]

MOVEMENT = [
    movement.units, movement.split, movement.split_evenly, movement.pad, movement.expand, movement.tile,
    movement.shape_of, movement.trilu, movement.like_another, movement.made, movement.flatten, movement.crop_or_pad,
    movement.reverse_sequence, movement.depth_to_space, indexing.gather, indexing.gather_elements, indexing.gather_nd,
    indexing.gather_batches, indexing.scatter, indexing.compress, indexing.tensor_scatter]

SELECTION = [indexing.top_k, indexing.one_hot, indexing.non_zero, indexing.unique, reductions.arg_reduction]

NORMS = [
    reductions.softmax, reductions.layer_norm, reductions.channel_norm, reductions.lp_norm, reductions.cumsum,
    reductions.log_sum, reductions.narrow_extremum, reductions.determinant]

PRODUCTS = [products.gemm, products.einsum, networks.spectrum]

WINDOWS = [
    windows.conv, windows.conv, windows.conv_of_values, windows.conv_transpose, windows.deform_conv, windows.pool,
    windows.round_up_pool, windows.global_pool, windows.unpool, windows.column_to_image, windows.resize,
    windows.grid_sample, windows.roi]

QUANTIZED = [
    quantized.qdq, quantized.qdq, quantized.blocked_qdq, quantized.dynamic_quantize, quantized.integer_product,
    quantized.quantized_product]

MICROSOFT = [
    microsoft.gelu, microsoft.skip_norm, microsoft.fused_matmul, microsoft.fused_gemm, microsoft.fused_conv,
    microsoft.attention, microsoft.quantized, microsoft.dynamic_matmul, microsoft.four_bits]

CONTROL = [control.if_, control.loop, control.scan, control.sequence, control.split_sequence]

BLOCKS = [networks.conv_block, networks.conv_block, networks.residual, networks.inverted_residual]

TRANSFORMER = [networks.mlp, networks.mlp, networks.attention_in_parts, networks.attention, networks.recurrent]

ALL = ELEMENTWISE + MOVEMENT + SELECTION + NORMS + PRODUCTS + WINDOWS + QUANTIZED + CONTROL + TRANSFORMER[3:]

# How often, from which inputs, by which rules, and whether inputs hold NaN, infinities and huge values.
THEMES = [
    (60, graphs.anything, COMMON * 4 + ALL, False),
    (14, graphs.pictures, BLOCKS * 3 + COMMON + WINDOWS + QUANTIZED + NORMS[:3] + ELEMENTWISE[:4], False),
    (14, graphs.tokens, TRANSFORMER * 4 + COMMON + NORMS[:3] + MOVEMENT + PRODUCTS + QUANTIZED, False),
    (6, graphs.tokens, MICROSOFT * 2 + COMMON + TRANSFORMER, False),
    (6, graphs.anything, COMMON[:10] + ELEMENTWISE * 2 + MOVEMENT, True),
]
