"""int8: static quantisation of a graph's convolutions and of the sums of their feature maps."""

import os

import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

FEATURES = ("Conv", "Relu", "Resize")  # what a feature map comes from


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


def quantise(source, target, rows):
    """Float file → int8 file: QDQ, uint8 activations, int8 weights per channel.

    Convolutions and what joins their feature maps; the head and all that follows stay in float.
    """
    prepared = target + ".part"
    quant_pre_process(source, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        target,
        Calibration(rows),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        op_types_to_quantize=["Conv", "Relu", "Resize", "Add"],
        nodes_to_exclude=float_nodes(onnx.load(prepared).graph),
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
    os.remove(prepared)
