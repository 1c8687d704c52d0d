"""Zooming Slow-Mo: the graph, and the gathered samples that stand for deformable convolutions."""

import os
import tempfile
import unittest

import torch
import torch.nn.functional as F

from training.zsm import export
from training.zsm.network import Deformable, Zsm, gather
from training.zsm.train import halve, reference


class ZsmTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)

    def test_samples_without_offsets_are_those_of_a_convolution(self):
        x, weight = torch.rand(2, 3, 6, 8), torch.rand(4, 3, 3, 3)
        read = gather(x, torch.zeros(2, 9, 2, 6, 8)).reshape(2, 27, 6, 8)
        made = F.conv2d(read, weight.reshape(4, 27, 1, 1))
        self.assertLess((made - F.conv2d(F.pad(x, (1, 1, 1, 1), "replicate"), weight)).abs().max(), 1e-5)

    def test_an_offset_reads_that_far_away(self):
        x, offsets = torch.rand(1, 1, 8, 8), torch.zeros(1, 9, 2, 8, 8)
        offsets[:, 4] = torch.tensor([2.0, -1.0])[:, None, None]  # the middle tap: two to the right, one up
        read = gather(x, offsets)[0, 0, 4]
        self.assertLess((read[1:, :-2] - x[0, 0, :-1, 2:]).abs().max(), 1e-5)

    def test_groups_have_offsets_of_their_own(self):
        layer = Deformable(4, 2)
        x = torch.rand(1, 4, 8, 8)
        still, moved = torch.zeros(1, 36, 8, 8), torch.zeros(1, 36, 8, 8)
        moved[:, 18:] = 3  # the second group's
        with torch.no_grad():
            layer.steer.weight.zero_()
            layer.mix.weight.zero_()
            layer.mix.weight[0, :18] = 1  # all that the first group reads
            layer.mix.weight[1, 18:] = 1
            a, b = (layer(x, x, coarse)[0] for coarse in (still, moved))
        self.assertLess((a[:, 0] - b[:, 0]).abs().max(), 1e-6)
        self.assertGreater((a[:, 1] - b[:, 1]).abs().max(), 0.1)

    def test_untrained_it_enlarges_what_it_is_given(self):
        net, planes = Zsm(8, 2, 1, 1).eval(), [torch.rand(1, c, s, s) for c, s in ((1, 32), (2, 16)) * 2]
        with torch.no_grad():
            made, plain = net(*planes)["y"], reference(*planes)[0]
        for frame in (0, 2):
            self.assertLess((made[:, frame] - plain[:, frame]).abs().max(), 0.2)
        self.assertEqual(halve(made).shape, (1, 3, 32, 32))

    def test_onnx_runtime_agrees_with_the_network_at_any_size(self):
        path = os.path.join(tempfile.mkdtemp(), "tiny.onnx")
        net = Zsm(8, 2, 1, 1).eval()
        with torch.no_grad():
            for p in net.parameters():
                p.add_(torch.randn_like(p) * 0.02)
        export.write_graph(net, path)
        self.assertLessEqual(export.check(net, path, ((64, 96), (96, 80)))[0], export.TOLERANCE)


if __name__ == "__main__":
    unittest.main()
