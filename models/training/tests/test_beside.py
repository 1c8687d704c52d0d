"""What the pairs beside tell: acceleration, its guards, samples, and the network that starts from a
former one.
"""

import unittest

import numpy as np
import torch
import torch.nn.functional as F

from training.common import samples, synthetic
from training.common.acceleration import SHARES, Neighbour, accelerated, box5x5, motion
from training.common.search import OFFSETS
from training.common.warp import retime, seed_field
from training.flow_s.export import random_cases
from training.flow_s.network import FlowS, grown


def seed(vx, vy, size=12):
    """A seed of one vector everywhere."""
    return torch.tensor([vx, vy, 0.05]).view(1, 3, 1, 1).expand(1, 3, size, size).clone()


def smooth(generator, size=12):
    """A seed of smooth motion."""
    v = F.interpolate(torch.randn(1, 3, 5, 5, generator=generator), size=(size, size), mode="bilinear") * 5
    return torch.cat([v[:, :2], v[:, 2:].abs() * 0.01], 1)


class AccelerationTest(unittest.TestCase):
    def test_even_acceleration_is_found_whatever_the_intervals(self):
        # x(t) = 10 t + 3 t²: this pair 0…1, the pair before −r…0
        place = lambda t: 10 * t + 3 * t * t
        for ratio in (0.5, 1.0, 2.0):
            before = Neighbour(seed(-place(-ratio), 0.0), ratio)
            after = Neighbour(seed(place(1 + ratio) - place(1.0), 0.0), ratio)
            off = (place(0.0) + place(1.0)) / 2 - place(0.5)
            for found in (motion(seed(13.0, 0.0), before), motion(seed(13.0, 0.0), None, after)):
                self.assertAlmostEqual(found[0, 2, 6, 6].item(), off, places=4)
                self.assertEqual(found[0, 7, 0, 0].item(), 0.5)
            self.assertAlmostEqual(motion(seed(13.0, 0.0), before, after)[0, 4, 0, 0].item(), off, places=4)

    def test_starts_stops_and_leaps_bend_nothing(self):
        still, moves, leaps = seed(0.2, 0.3), seed(4.0, 0.0), seed(-40.0, 30.0)
        for own, other in ((moves, still), (still, moves), (moves, leaps)):
            for beside in ((Neighbour(other), None), (None, Neighbour(other)), (Neighbour(other),) * 2):
                self.assertEqual(motion(own, *beside)[:, 2:6].abs().max().item(), 0)
        self.assertGreater(motion(moves, Neighbour(seed(6.0, 0.0)))[:, 2:6].abs().max().item(), 0)

    def test_a_neighbour_is_read_where_the_cell_was(self):
        other = seed(8.0, 0.0)
        other[..., 6:] = 3.0  # from column 6 on
        p = motion(seed(16.0, 0.0), Neighbour(other))[0, 0, 0]
        self.assertEqual(p.tolist(), [8.0] * 8 + [3.0] * 4)  # two cells further

    def test_without_neighbours_there_is_nothing(self):
        self.assertEqual(motion(seed(5.0, 1.0)).abs().max().item(), 0)

    def test_the_field_at_other_times_follows_the_bend(self):
        field = torch.cat([seed_field(seed(8.0, 0.0)), torch.zeros(1, 1, 12, 12)], 1)
        m = motion(seed(8.0, 0.0), Neighbour(seed(4.0, 0.0)))
        bent = accelerated(field, m)
        self.assertAlmostEqual(bent[0, 0, 0, 0].item(), -4 + SHARES[1] * 0.5, places=5)
        for t in (0.25, 0.5, 0.75):
            moved = retime(bent, t)[0, :, 6, 6]
            off = 4 * t * (1 - t) * SHARES[1] * 0.5
            self.assertAlmostEqual(moved[0].item(), -8 * t + off, places=4)
            self.assertAlmostEqual(moved[2].item(), 8 * (1 - t) + off, places=4)


class SamplesTest(unittest.TestCase):
    """Augmented planes are those that the augmented seeds would give."""

    def setUp(self):
        g = torch.Generator().manual_seed(3)
        self.own, self.fine, self.earlier, self.later = (smooth(g) for _ in range(4))
        zero = torch.zeros(1, 4, 12, 12)
        self.batch = dict(
            frame0=zero[:, :1],
            frame1=zero[:, :1],
            truth=zero[:, :1],
            seed=self.own,
            flow=zero,
            visible=zero[:, :2],
            time=torch.full((1,), 0.5),
            costs=torch.rand(1, len(OFFSETS) + 1, 12, 12, generator=g),
            fine=self.fine,
            before=motion(self.own, Neighbour(self.earlier)),
            after=motion(self.own, None, Neighbour(self.later)),
            further=torch.rand(1, 11, 12, 12, generator=g),
        )

    def check(self, batch, own, earlier, later):
        self.assertTrue(torch.allclose(batch["before"], motion(own, Neighbour(earlier)), atol=1e-5))
        self.assertTrue(torch.allclose(batch["after"], motion(own, None, Neighbour(later)), atol=1e-5))

    def test_mirrored(self):
        for axis, c in ((3, 0), (2, 1)):
            sign = torch.ones(1, 3, 1, 1)
            sign[:, c] = -1
            turned = [s.flip(axis) * sign for s in (self.own, self.earlier, self.later)]
            batch = samples._flip(self.batch, axis)
            self.check(batch, *turned)
            self.assertTrue(torch.equal(batch["fine"], self.fine.flip(axis) * sign))
            # the cell to the left is the one to the right now
            k = OFFSETS.index((0, -1) if axis == 3 else (-1, 0))
            other = OFFSETS.index((0, 1) if axis == 3 else (1, 0))
            for name in ("costs", "further"):
                self.assertTrue(torch.equal(batch[name][:, k], self.batch[name][:, other].flip(axis - 1)))

    def test_turned(self):
        swap = lambda s: s.transpose(2, 3)[:, [1, 0, 2]]
        self.check(samples._turn(self.batch), *map(swap, (self.own, self.earlier, self.later)))

    def test_reversed(self):
        back = lambda s: torch.cat([-s[:, :2], s[:, 2:]], 1)
        batch = samples._reverse(self.batch)
        self.check(batch, *map(back, (self.own, self.later, self.earlier)))
        self.assertTrue(torch.equal(batch["further"][:, 9], self.batch["further"][:, 10]))

    def test_given_as_asked(self):
        both = motion(self.own, Neighbour(self.earlier), Neighbour(self.later))
        of = lambda n: samples.informed(self.batch, n)
        self.assertTrue(torch.allclose(of("both")["motion"], both, atol=1e-5))
        self.assertTrue(torch.equal(of("before")["motion"], self.batch["before"]))
        self.assertEqual(of("none")["motion"].abs().max().item(), 0)
        self.assertTrue(torch.equal(of("none")["costs"][:, 27], self.batch["costs"][:, 17]))
        self.assertTrue(torch.equal(of("before")["costs"][:, 27], self.batch["further"][:, 9]))

    def test_given_by_lot(self):
        many = {k: v.expand(1000, *v.shape[1:]) for k, v in self.batch.items()}
        known = samples.informed(many, np.random.default_rng(1))["motion"][:, 7, 0, 0]
        shares = [(known == k).float().mean().item() for k in (0, 0.5, 1)]
        for share, wanted in zip(shares, (0.1, 0.7, 0.2)):
            self.assertAlmostEqual(share, wanted, delta=0.04)

    def test_what_is_known_only_after_counts_as_one(self):
        batch = dict(self.batch, before=torch.zeros(1, 8, 12, 12))
        self.assertEqual(samples.informed(batch, "both")["motion"][0, 7, 0, 0].item(), 0.5)
        self.assertEqual(samples.informed(batch, "before")["motion"].abs().max().item(), 0)


class WidenedTest(unittest.TestCase):
    def test_starts_as_the_former_network_with_acceleration(self):
        torch.manual_seed(0)
        former = FlowS((8, 8, 8)).eval()
        network = grown(former).eval()
        with torch.no_grad():  # further candidates out of the way
            for part in network.head.bias.chunk(2):
                part[18:28] = -30 / 4
        ((images, own, costs, fine, _),) = random_cases(((1, 64, 96),))
        for beside in ((), (Neighbour(own * 0.8),), (Neighbour(own * 0.8), Neighbour(own * 1.1))):
            m = motion(own, *beside)
            with torch.no_grad():
                found = network(images, own, costs, fine, m)
                wanted = accelerated(former(images, own, costs[:, :18]), m)
            self.assertLess((found - wanted).abs().max().item(), 2e-3)


class ScenesTest(unittest.TestCase):
    def test_flow_follows_an_accelerated_layer(self):
        g = torch.Generator().manual_seed(1)
        noise = torch.rand(1, 1, 160, 160, generator=g)
        texture = F.interpolate(noise, size=(synthetic.SIZE,) * 2, mode="bicubic", align_corners=False)[0].clamp(0, 1)
        d, a = torch.zeros(2, 384, 384), torch.zeros(2, 384, 384)
        d[0], a[0] = 6.0, 8.0
        moved = [tau * d + tau * tau / 2 * a for tau in (t - 0.5 for t in synthetic.TIMES)]
        layer = torch.cat([texture, torch.ones_like(texture)])
        luma, flow, _ = synthetic.render_scene([(layer, moved)], np.random.default_rng(2))
        self.assertAlmostEqual(flow[0, 9, 9].item(), -3 + 1, places=5)
        self.assertAlmostEqual(flow[2, 9, 9].item(), 3 + 1, places=5)
        part = slice(100, 280)
        for k, by in ((0, -9 + 9), (1, -2), (3, 4), (4, 9 + 9)):
            shifted = luma[k][part, 100 + by : 280 + by]
            self.assertLess((shifted - luma[2][part, part]).abs().max().item(), 0.02)


class BoxTest(unittest.TestCase):
    def test_edges_are_replicated(self):
        q = torch.zeros(1, 2, 6, 6)
        q[..., 0, 0] = 25.0
        self.assertEqual(box5x5(q)[0, 0, 0, 0].item(), 9.0)


if __name__ == "__main__":
    unittest.main()
