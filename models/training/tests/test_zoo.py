"""What the zoo's projecting and warping networks are built of, where the result is known, and their
graphs on ONNX Runtime.
"""

import os
import tempfile
import unittest

import numpy as np
import torch
import torch.nn.functional as F

from training.common import export, synthetic
from training.common.samples import MARGIN
from training.common.warp import warp
from training.zoo import nets
from training.zoo.adaptive import SIDE, TAPS, adaptive_warp, plain
from training.zoo.batches import turn_about
from training.zoo.dain import order_loss
from training.zoo.depth import ordered
from training.zoo.export import SHARE, TOLERANCE
from training.zoo.match import match
from training.zoo.motion import Motion, motion_of
from training.zoo.planes import AXES, INPUTS, OUTPUTS, Planes, random_planes
from training.zoo.prepare import near_of, scene
from training.zoo.projection import project
from training.zoo.train import begun_from

HALF = torch.full((1, 1, 1, 1), 0.5)


def vectors(x, y, height=32, width=32):
    return torch.tensor([x, y], dtype=torch.float32).reshape(1, 2, 1, 1).expand(1, 2, height, width).clone()


class ProjectionTest(unittest.TestCase):
    def test_one_motion_of_everything_comes_back_from_any_time(self):
        for t in (0.25, 0.5, 1.0):
            flow, _ = project(vectors(4.6, -3.0), torch.ones(1, 1, 32, 32), torch.full((1, 1, 1, 1), t))
            self.assertLess((flow + t * vectors(4.6, -3.0)).abs().max().item(), 1e-4)

    def test_a_cell_lies_where_it_is_at_that_time(self):
        motion, ones = vectors(0, 0), torch.ones(1, 1, 32, 32)
        motion[..., 10, 10] = torch.tensor([8.0, 4.0])
        # nothing else arrives at its place, and of what does arrive nothing counts beside it
        weight = ones * 1e-6
        weight[..., 10, 10] = 1
        flow, count = project(motion, weight, HALF)
        self.assertTrue(torch.allclose(flow[0, :, 12, 14], torch.tensor([-4.0, -2.0]), atol=1e-3))
        self.assertAlmostEqual(count[0, 0, 12, 14].item(), 2, 4)
        self.assertAlmostEqual(count[0, 0, 10, 10].item(), 0, 4)

    def test_what_is_nearer_wins_where_vectors_meet(self):
        motion = vectors(0, 0)
        motion[..., :16] = vectors(16, 0)[..., :16]  # the left half moves over the right one
        near = torch.full((1, 1, 32, 32), 0.05)
        mean = project(motion, torch.ones_like(near), HALF)[0][0, 0, 8, 20]
        near[..., :16] = 1.05
        front = project(motion, near, HALF)[0][0, 0, 8, 20]
        near[..., :16], near[..., 16:] = 0.05, 1.05
        behind = project(motion, near, HALF)[0][0, 0, 8, 20]
        self.assertAlmostEqual(mean.item(), -4, 3)
        self.assertLess(front.item(), -7.5)
        self.assertGreater(behind.item(), -0.5)

    def test_holes_are_filled_from_around(self):
        motion = vectors(0, 0)
        motion[..., 16:] = vectors(16, 0)[..., 16:]  # the right half leaves: a hole of 8 cells
        flow, count = project(motion, torch.ones(1, 1, 32, 32), HALF)
        self.assertEqual(count[0, 0, 8, 20].item(), 0)
        self.assertTrue((flow[0, 0] <= 1e-6).all() and (flow[0, 0] >= -8 - 1e-6).all())
        self.assertTrue(-8 < flow[0, 0, 8, 20] < 0)

    def test_motion_of_the_frames_follows_from_that_between_them(self):
        flow = torch.cat([vectors(-12, 4), vectors(12, -4)], 1)
        motion, sure = motion_of(flow)
        self.assertTrue(torch.allclose(motion[0, :, 16, 16], torch.tensor([24.0, -8.0, -24.0, 8.0]), atol=1e-3))
        self.assertAlmostEqual(sure[0, 0, 16, 16].item(), 1, 4)
        self.assertEqual(sure[0, 0, 16, -1].item(), 0)  # what is there at t = 0 has left by then


class AdaptiveTest(unittest.TestCase):
    def setUp(self):
        g = torch.Generator().manual_seed(1)
        self.image = torch.rand(2, 3, 24, 40, generator=g)
        self.flow = torch.randn(2, 2, 24, 40, generator=g) * 6

    def test_plain_kernels_warp_bilinearly(self):
        kernel = torch.tensor(plain()).reshape(1, TAPS, 1, 1).expand(2, TAPS, 24, 40)
        d = adaptive_warp(self.image, self.flow, kernel) - warp(self.image, self.flow)
        self.assertLess(d.abs().max().item(), 1e-4)

    def test_a_kernel_reads_the_pixel_of_its_coefficient(self):
        for row in range(SIDE):
            for column in range(SIDE):
                kernel = F.one_hot(torch.tensor(SIDE * row + column), TAPS).float().reshape(1, TAPS, 1, 1)
                made = adaptive_warp(self.image, torch.zeros(2, 2, 24, 40), kernel.expand(2, TAPS, 24, 40))
                # without a fraction only the upper left quadrant counts
                want = self.image[..., 8 + row - 1, 9 + column - 1] if row < 2 and column < 2 else 0
                self.assertLess((made[..., 8, 9] - want).abs().max().item(), 1e-6)


class LearningTest(unittest.TestCase):
    def test_rank_is_what_is_seen(self):
        ones = torch.ones(1, synthetic.SIDE + 128, synthetic.SIDE + 128)
        right = ones.clone()
        right[..., : right.shape[-1] // 2] = 0
        still = [torch.zeros(2, synthetic.SIDE, synthetic.SIDE) for _ in synthetic.TIMES]
        near = near_of([(torch.cat([ones, ones]), still), (torch.cat([ones, right]), still)])
        self.assertEqual(near[:, 100, 100].tolist(), [0] * 5)
        self.assertEqual(near[:, 100, 300].tolist(), [1] * 5)

    def test_a_scene_is_the_pair_with_its_middle(self):
        rng = np.random.default_rng(3)
        coarse = torch.from_numpy(rng.uniform(0, 255, (1, 1, 24, 24)).astype(np.float32))
        size = (synthetic.SIZE, synthetic.SIZE)
        bank = [F.interpolate(coarse, size=size, mode="bilinear", align_corners=False)[0].byte()]
        sample = scene(rng, bank)
        pictures = (sample[k].astype(np.float32) for k in ("frame0", "frame1"))
        truth = torch.from_numpy(sample["truth"].astype(np.float32))[None, None]
        cells = torch.from_numpy(sample["flow"].astype(np.float32))[None]
        flow = F.interpolate(cells, scale_factor=8.0, mode="bilinear", align_corners=False)
        error = []
        for k, picture in enumerate(pictures):  # read along the true flow, either frame gives the middle
            wide = F.pad(flow[:, 2 * k : 2 * k + 2], (MARGIN,) * 4, mode="replicate")
            read = warp(torch.from_numpy(picture)[None, None], wide)[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
            error.append((read - truth).abs().median().item())
        self.assertLess(max(error), 6)

    def test_order_of_depth_is_scored(self):
        true, rng = np.arange(256, dtype=np.uint8).reshape(16, 16), np.random.default_rng(1)
        self.assertEqual(ordered(true.astype(np.float32), true, rng), 1)
        self.assertEqual(ordered(-true.astype(np.float32), true, rng), 0)

    def test_right_order_of_depth_costs_least_and_background_alone_is_no_end(self):
        true = torch.zeros(2, 1, 16, 16)
        true[..., 4:9, 4:9] = 0.5
        cost = {}
        for name, near in (("right", 0.1 + 0.4 * true), ("flat", 0.1 + 0 * true), ("wrong", 0.3 - 0.4 * true)):
            torch.manual_seed(0)
            near = near.requires_grad_()
            cost[name] = order_loss(near, true)
            if name == "flat":  # most of it is right; what is in front still comes forward
                (slope,) = torch.autograd.grad(cost[name], near)
                self.assertLess(slope[..., 4:9, 4:9].mean().item(), slope[..., 10:, :].mean().item())
                self.assertLess(slope[..., 4:9, 4:9].mean().item(), 0)
        self.assertLess(cost["right"].item(), cost["flat"].item())
        self.assertLess(cost["flat"].item(), cost["wrong"].item())

    def test_turning_a_batch_about_takes_depth_along(self):
        pictures = {k: torch.rand(1, 1, 8, 8) for k in ("frame0", "frame1", "truth")}
        b = dict(pictures, near0=pictures["frame0"], near1=pictures["frame1"], flow=torch.zeros(1, 4, 8, 8), time=HALF)
        for seed in range(8):
            turned = turn_about(b, np.random.default_rng(seed))
            self.assertTrue(torch.equal(turned["near0"], turned["frame0"]))
            self.assertTrue(torch.equal(turned["near1"], turned["frame1"]))

    def test_matching_finds_where_a_pixel_came_from(self):
        make = lambda a, b: 0.5 * a.roll((3, 5), (2, 3)) + 0.5 * b.roll((-3, -5), (2, 3))
        points = torch.tensor([[20, 16], [31, 24]])
        found = match(make, torch.rand(1, 1, 48, 48), torch.rand(1, 1, 48, 48), points)
        want = torch.cat([points - torch.tensor([5, 3]), points + torch.tensor([5, 3])], 1)
        self.assertLessEqual((found - want).abs().max().item(), 2)  # smoothed over five pixels

    def test_matching_does_not_look_at_the_last_layer_s_frames(self):
        net = nets.module("mind").Net((4, 4, 4, 4, 4))
        with torch.no_grad():
            for last in net.join[-1]:
                if isinstance(last, torch.nn.Conv2d):
                    last.weight.zero_()
        y = torch.rand(1, 1, 64, 64, requires_grad=True)
        (slope,) = torch.autograd.grad(net.decoded(y, y)[0, 0, 32, 32], y)
        self.assertEqual(slope.abs().max().item(), 0)

    def test_networks_begin_from_those_they_hold(self):
        folder, make = tempfile.mkdtemp(), lambda name: nets.module(name).Net()
        dvf, memc = make("dvf"), make("memc")
        for name, net in (("dvf", dvf), ("memc", memc)):
            torch.save(dict(id=name, config=net.config, weights=net.state_dict()), os.path.join(folder, f"{name}.pt"))
        begin = lambda name, network: begun_from(os.path.join(folder, f"{name}.pt"), network)
        same = lambda one, two: all(torch.equal(v, two.state_dict()[k]) for k, v in one.state_dict().items())
        self.assertTrue(same(dvf, begin("dvf", make("memc")).motion))
        dain = begin("memc", make("dain"))
        self.assertTrue(same(memc.motion, dain.motion) and same(memc.kernels, dain.kernels))
        kept = begun_from(os.path.join(folder, "memc.pt"), make("dain"), "kernels.")
        self.assertTrue(same(memc.motion, kept.motion) and not same(memc.kernels, kept.kernels))
        with self.assertRaises(SystemExit):
            begin("dvf", make("mind"))


class GraphTest(unittest.TestCase):
    def test_onnx_runtime_agrees_at_any_size_and_time(self):
        path = os.path.join(tempfile.mkdtemp(), "net.onnx")
        for name in ("memc", "dain", "mind"):
            with self.subTest(name):
                torch.manual_seed(0)
                planes = Planes(nets.module(name).Net().eval())
                export.write_onnx(planes, random_planes(128, 192), path, INPUTS, OUTPUTS, AXES)
                times = (0.5,) if planes.net.times == "half" else (0.25, 0.625)
                cases = [random_planes(192, 128, k)[:6] + (torch.full((1,), t),) for k, t in enumerate(times)]
                export.check_planes(export.compare(path, planes, cases, INPUTS, OUTPUTS), TOLERANCE, SHARE)

    def test_motion_is_the_same_whichever_frame_is_first(self):
        net = Motion((8, 8, 8)).eval()
        a, b = torch.rand(2, 1, 1, 32, 64)
        with torch.no_grad():
            there, back = net(a, b), net(b, a)
        self.assertTrue(torch.allclose(there, back.flip(0), atol=1e-5))


if __name__ == "__main__":
    unittest.main()
