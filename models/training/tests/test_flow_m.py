"""flow-m: it begins at the search's vectors, and what is exported of it runs."""

import json
import os
import tempfile
import unittest
from unittest import mock

import torch

from training.common import export
from training.common.warp import seed_field
from training.flow_m import card
from training.flow_m import export as flow_m
from training.flow_m.network import FlowM, load
from training.flow_s import export as flow_s

SIZES = ((1, 64, 96), (2, 96, 64))


def given(height, width):
    """Random images, seed and costs of one pair."""
    (case,) = flow_s.random_cases(((1, height, width),))
    return flow_m.given(*case)


class FlowMTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.network = FlowM((16, 16, 16), (1, 1, 1)).eval()
        self.folder = tempfile.mkdtemp()

    def at(self, name):
        return os.path.join(self.folder, name)

    def test_it_begins_near_the_seed(self):
        for block in self.network.blocks:
            torch.nn.init.zeros_(block.head.weight)
        images, seed, costs = given(64, 96)
        with torch.no_grad():
            field = self.network(images, seed, costs)
        self.assertEqual(tuple(field.shape), (1, 12, 8, 12))
        self.assertTrue(torch.allclose(field[:, :5], seed_field(seed), atol=1e-5))
        self.assertLess(field[:, 5].max().item(), 0.05)
        self.assertEqual(field[:, 11].abs().max().item(), 0)

    def test_every_block_and_both_motions_learn(self):
        self.network(*given(64, 96)).square().mean().backward()
        for name, p in self.network.named_parameters():
            self.assertTrue(p.grad is not None and p.grad.abs().max() > 0, name)

    def test_onnx_runtime_agrees_at_any_size_in_both_precisions(self):
        for block in self.network.blocks:  # as far from the seed as trained ones are
            block.head.weight.data.mul_(10)
        found = {precision: worst for _, precision, worst in flow_m.write(self.network, self.folder, SIZES)}
        self.assertLess(found["fp32"], flow_m.TOLERANCE["fp32"])
        # weights that are not of half precision already, so that halving is to be seen
        self.assertTrue(10 * found["fp32"] < found["fp16"] < flow_m.TOLERANCE["fp16"], found)

    def test_a_graph_of_other_weights_is_refused(self):
        flow_m.write_graph(self.network, self.at("other.onnx"))
        other = FlowM((16, 16, 16), (1, 1, 1)).eval()
        pairs = export.compare(self.at("other.onnx"), other, [given(64, 96)], flow_m.INPUTS, flow_m.OUTPUTS)
        with self.assertRaises(SystemExit):
            export.check_floats(pairs, flow_m.TOLERANCE["fp16"])

    def test_the_command_writes_weights_graphs_and_entries(self):
        checkpoint = dict(config=self.network.config, ema=self.network.state_dict(), step=7, seconds=60.0)
        torch.save(checkpoint, self.at("checkpoint.pt"))
        command = ["export", self.at("checkpoint.pt"), "--out", self.folder, "--trained", "so"]
        with mock.patch("sys.argv", command):
            flow_m.main()
        with open(self.at("manifest.json")) as f:
            models = json.load(f)["models"]
        told = [(m["id"], m["kind"], m["grid"], m["precision"], m["trained"]) for m in models]
        line = "7 steps, 1 minutes on one GPU: so"
        self.assertEqual(told, [("flow-m", "flow", 8, "fp32", line), ("flow-m-fp16", "flow", 8, "fp16", line)])
        self.assertEqual(load(self.at("flow-m.pt"))[0].config, self.network.config)
        for name in ("flow-m.pt", "flow-m.onnx", "flow-m-fp16.onnx"):
            self.assertTrue(os.path.exists(self.at(name)), name)
        with mock.patch("sys.argv", ["card", "--models", self.folder, "--run", self.folder]):
            card.main()
        with open(self.at("flow-m.md")) as f:
            written = f.read()
        self.assertIn("Blocks of 16, 16, 16 channels", written)
        self.assertIn("flow-m-fp16.onnx", written)


if __name__ == "__main__":
    unittest.main()
