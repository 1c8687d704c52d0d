"""int8: static quantisation of a graph's convolutions and of the sums of their feature maps."""

import os

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

FEATURES = ("Conv", "Relu", "Resize", "Reshape")  # what a feature map comes from


class Calibration(CalibrationDataReader):
    """Inputs of the graph (dicts of arrays) to measure its activations on."""

    def __init__(self, rows):
        self.rows = iter(rows)

    def get_next(self):
        return next(self.rows, None)


def float_nodes(graph):
    """Names of the nodes that stay in float: the convolution `head`, and sums that do not join
    feature maps.
    """
    maker = {out: n.op_type for n in graph.node for out in n.output}
    head = next(n for n in graph.node if n.op_type == "Conv" and "head" in n.name)
    joins = lambda n: all(maker.get(i) in FEATURES for i in n.input)
    before = [n.name for n in graph.node if head.input[0] in n.output]
    return [head.name, *before, *(n.name for n in graph.node if n.op_type == "Add" and not joins(n))]


def own_biases(graph):
    """Gives each convolution a bias of its own. The tracer stores equal ones once, and ONNX Runtime
    runs a convolution in float whose bias has the scale of another's.
    """
    stored, used = {i.name: i for i in graph.initializer}, set()
    for n in graph.node:
        if n.op_type != "Conv" or len(n.input) < 3:
            continue
        if n.input[2] in used:
            copy = graph.initializer.add()
            copy.CopyFrom(stored[n.input[2]])
            copy.name = f"{n.name}.bias"
            n.input[2] = copy.name
        used.add(n.input[2])


def resize_by_channel(graph):
    """Lets every channel be resized as a picture of its own: of maps of several channels, which it
    holds sample by sample, ONNX Runtime repeats each value by itself, at twenty times the cost.
    """
    dims = {v.name: v.type.tensor_type.shape.dim for v in graph.value_info}
    nodes = list(graph.node)
    for n in [n for n in nodes if n.op_type == "Resize"]:
        made, at = n.output[0], nodes.index(n)
        shapes = dict(apart=(-1, 1, 0, 0), together=(-1, dims[n.input[0]][1].dim_value, 0, 0))
        for name, shape in shapes.items():
            graph.initializer.append(numpy_helper.from_array(np.array(shape, np.int64), f"{n.name}_{name}"))
        apart, whole = f"{made}_apart", f"{made}_together"
        split = helper.make_node("Reshape", [n.input[0], f"{n.name}_apart"], [apart], f"{n.name}_split")
        n.input[0], n.output[0] = apart, whole
        join = helper.make_node("Reshape", [whole, f"{n.name}_together"], [made], f"{n.name}_join")
        nodes[at : at + 1] = [split, n, join]
    del graph.node[:]
    graph.node.extend(nodes)


def quantise(source, target, rows):
    """Float file → int8 file: QDQ, uint8 activations, int8 weights per channel.

    Convolutions and what joins their feature maps; the head and all that follows stay in float.
    """
    prepared = target + ".part"
    quant_pre_process(source, prepared, skip_symbolic_shape=True)
    model = onnx.load(prepared)
    own_biases(model.graph)
    resize_by_channel(model.graph)
    onnx.save(model, prepared)
    quantize_static(
        prepared,
        target,
        Calibration(rows),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        op_types_to_quantize=["Conv", "Relu", "Resize", "Reshape", "Add"],
        nodes_to_exclude=float_nodes(model.graph),
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
    os.remove(prepared)
