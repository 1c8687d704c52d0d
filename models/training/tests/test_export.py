"""The exporter on small networks: needs onnx and onnxruntime (requirements.txt)."""

import json
import os
import tempfile
import unittest

import numpy as np
import onnx
import torch
import torch.nn as nn

from training.common import export
from training.common.quantise import quantise
from training.flow_s import export as flow_s
from training.flow_s.network import Choice, FlowS, load

INPUTS, GIVEN = flow_s.INPUTS, flow_s.GIVEN


class ExportTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.folder = tempfile.mkdtemp()
        self.network = FlowS((8, 8, 8), beside=True).eval()

    def at(self, name):
        return os.path.join(self.folder, name)

    def test_onnx_runtime_agrees_with_the_network_at_any_size(self):
        flow_s.write_graph(self.network, self.at("tiny.onnx"))
        cases = flow_s.random_cases(((1, 64, 96), (2, 96, 64)))
        pairs = export.compare(self.at("tiny.onnx"), Choice(self.network), cases, INPUTS, GIVEN)
        self.assertLess(export.check_floats(pairs, flow_s.TOLERANCE), flow_s.TOLERANCE)

    def test_a_graph_of_other_weights_is_refused(self):
        flow_s.write_graph(self.network, self.at("tiny.onnx"))
        other, cases = Choice(FlowS((8, 8, 8), beside=True).eval()), flow_s.random_cases(((1, 64, 96),))
        with self.assertRaises(SystemExit):
            export.check_floats(export.compare(self.at("tiny.onnx"), other, cases, INPUTS, GIVEN), 2e-3)

    def test_int8_is_near_the_float_network(self):
        flow_s.write_graph(self.network, self.at("tiny.onnx"))
        rows = [{k: v[:1].numpy() for k, v in zip(INPUTS, case)} for case in flow_s.random_cases(((1, 64, 96),) * 4)]
        quantise(self.at("tiny.onnx"), self.at("int8.onnx"), rows)
        cases = flow_s.random_cases(((1, 64, 96),))
        ((got, want), _) = export.compare(self.at("int8.onnx"), Choice(self.network), cases, INPUTS, GIVEN)
        self.assertTrue(0 < np.abs(got - want).mean() < 1)

    def test_int8_runs_every_convolution_but_the_head_in_int8(self):
        with torch.no_grad():  # equal biases: the tracer stores them once
            self.network.tell.bias.copy_(self.network.join.bias)
        flow_s.write_graph(self.network, self.at("tiny.onnx"))
        rows = [{k: v[:1].numpy() for k, v in zip(INPUTS, case)} for case in flow_s.random_cases(((1, 64, 96),) * 4)]
        quantise(self.at("tiny.onnx"), self.at("int8.onnx"), rows)
        graph = onnx.load(self.at("int8.onnx")).graph
        biases = [n.input[2] for n in graph.node if n.op_type == "Conv"]
        self.assertEqual(len(biases), len(set(biases)))
        maker = {out: n for n in graph.node for out in n.output}
        # each resizes pictures of one channel, between quantising and dequantising
        resized = [maker[maker[n.input[0]].input[0]].input[0] for n in graph.node if n.op_type == "Resize"]
        self.assertEqual([maker[name].op_type for name in resized], ["Reshape", "Reshape"])

    def test_planes_apart_by_more_than_allowed_are_refused(self):
        one, two = np.zeros((4, 4), np.uint8), np.full((4, 4), 2, np.uint8)
        self.assertEqual(export.check_planes([(one, two)], 2, 1.0), (2, 1.0))
        for limits in ((1, 1.0), (2, 0.5)):
            with self.assertRaises(SystemExit):
                export.check_planes([(one, two)], *limits)

    def test_frozen_weights_are_those_of_the_file(self):
        checkpoint = dict(config=self.network.config, ema=self.network.state_dict(), step=7, seconds=60.0)
        torch.save(checkpoint, self.at("checkpoint.pt"))
        network, blob = export.freeze(load, self.at("checkpoint.pt"), self.at("tiny.pt"))
        self.assertEqual(export.trained(blob, "of one core", "so"), "7 steps, 1 minutes of one core: so")
        for kept, trained in zip(network.parameters(), self.network.parameters()):
            self.assertTrue(torch.equal(kept, trained.half().float()))

    def test_the_manifest_replaces_an_entry_and_keeps_the_others(self):
        for name in ("b", "a"):
            with open(self.at(f"{name}.onnx"), "wb") as f:
                f.write(name.encode())
        export.list_model(self.folder, "b", "flow", "fp32", 32, grid=8)
        export.list_model(self.folder, "a", "flow", "fp32", 32, grid=8)
        export.list_model(self.folder, "b", "flow", "int8", 32, grid=8)
        with open(self.at("manifest.json")) as f:
            models = json.load(f)["models"]
        self.assertEqual([(m["id"], m["precision"]) for m in models], [("a", "fp32"), ("b", "int8")])
        self.assertEqual(models[0]["sha256"][:8], "ca978112")

    def test_multiply_accumulates_are_counted_by_kind_of_convolution(self):
        network = nn.Sequential(nn.Conv2d(2, 4, 3, 2, 1), nn.ConvTranspose2d(4, 1, 4, 2, 1))
        parameters, macs = export.count_macs(network, lambda: network(torch.zeros(1, 2, 8, 8)))
        self.assertEqual(parameters, 4 * 2 * 9 + 4 + 4 * 16 + 1)
        self.assertEqual(macs, 16 * 4 * 2 * 9 + 16 * 4 * 16)


if __name__ == "__main__":
    unittest.main()
