"""flow-m as three blocks: it begins at the search's vectors, and its graph runs."""

import os
import tempfile
import unittest

import torch

from training.common import export
from training.common.warp import seed_field
from training.flow_m.pyramid import Pyramid

INPUTS, OUTPUTS = ("images", "seed", "costs"), ("field",)
CELLS = {0: "batch", 2: "height/8", 3: "width/8"}
AXES = dict(images={0: "batch", 2: "height/4", 3: "width/4"}, seed=CELLS, costs=CELLS, field=CELLS)
TOLERANCE = 0.01  # pixels


def given(height, width):
    """Random images, seed and costs of one pair."""
    grid = height // 8, width // 8
    return torch.rand(1, 4, height // 4, width // 4), torch.randn(1, 3, *grid) * 6, torch.rand(1, 18, *grid) * 0.1


class PyramidTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.network = Pyramid((16, 16, 16), (1, 1, 1)).eval()

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

    def test_onnx_runtime_agrees_at_any_size(self):
        path = os.path.join(tempfile.mkdtemp(), "pyramid.onnx")
        export.write_onnx(self.network, given(64, 96), path, INPUTS, OUTPUTS, AXES)
        pairs = export.compare(path, self.network, (given(64, 96), given(96, 64)), INPUTS, OUTPUTS)
        self.assertLess(export.check_floats(pairs, TOLERANCE), TOLERANCE)


if __name__ == "__main__":
    unittest.main()
