"""The training loop on a network of one weight, with a clock of its own."""

import csv
import os
import tempfile
import threading
import unittest
from types import SimpleNamespace

import torch
import torch.nn as nn

from training.common import loop, weights


class Scale(nn.Module):
    """y = a·x."""

    def __init__(self, start=0.0):
        super().__init__()
        self.config = dict(start=start)
        self.a = nn.Parameter(torch.tensor(start))

    def forward(self, x):
        return self.a * x


class ScaleTask(loop.Task):
    """Learns a = 3. Batches are not drawn at random, so a resumed run must go on exactly."""

    panels = (("error",),)
    validates_at_end = True

    def __init__(self):
        super().__init__(Scale(), Scale(), id="scale")
        self.losses = []

    def batch(self, progress, rng):
        # Gradients grow from step to step, and none is clipped: the optimizer's moments count.
        return dict(x=torch.tensor([0.1 + 0.3 * progress]), time=torch.zeros(1))

    def loss(self, batch, progress, rng):
        loss = ((self.network(batch["x"]) - 3 * batch["x"]) ** 2).mean()
        self.losses.append(loss.item())
        return loss, dict(error=loss)

    def validate(self):
        return dict(away=abs(self.average.a.item() - 3))


class ApartTask(ScaleTask):
    """Draws at random, in whichever thread."""

    apart = True

    def __init__(self):
        super().__init__()
        self.seen, self.threads = [], set()

    def batch(self, progress, rng):
        self.threads.add(threading.current_thread())
        return dict(x=torch.tensor([rng.random()], dtype=torch.float32), time=torch.zeros(1))

    def loss(self, batch, progress, rng):
        self.seen.append(batch["x"].item())
        return super().loss(batch, progress, rng)


def options(folder, **changes):
    """Of a run of ten steps, three seconds each."""
    usual = dict(run=folder, minutes=0.5, steps=0, lr=0.1, lr_end=1e-3, seed=1, ahead=0, validate_every=4)
    return SimpleNamespace(**dict(usual, **changes))


def clock(step=3.0):
    """A clock that advances by so many seconds whenever it is read."""
    state = dict(now=0.0)

    def read():
        state["now"] += step
        return state["now"]

    return read


class LoopTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()

    def train(self, name, **changes):
        """Train in a folder of that name; the task, with the losses it saw."""
        task = ScaleTask()
        loop.train(task, options(os.path.join(self.folder, name), **changes), "cpu", clock())
        return task

    def test_ends_when_the_minutes_are_used_up(self):
        self.assertEqual(len(self.train("whole").losses), 10)

    def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(self):
        whole = self.train("whole").losses
        first, second = self.train("parts", steps=4).losses, self.train("parts").losses
        self.assertEqual(first + second, whole)

    def test_the_average_is_resumed_too(self):
        whole = self.train("whole").average.a.item()
        self.train("parts", steps=4)
        self.assertEqual(self.train("parts").average.a.item(), whole)

    def test_a_suspended_process_does_not_age(self):
        task = ScaleTask()
        loop.train(task, options(self.folder), "cpu", clock(3600.0))
        self.assertEqual(len(task.losses), 10)

    def test_batches_drawn_ahead_are_the_same_each_time_and_no_two_alike(self):
        tasks = [ApartTask(), ApartTask()]
        for k, task in enumerate(tasks):
            loop.train(task, options(os.path.join(self.folder, str(k)), ahead=3), "cpu", clock())
        self.assertEqual(tasks[0].seen, tasks[1].seen)
        self.assertEqual(len(set(tasks[0].seen)), 10)
        self.assertNotIn(threading.main_thread(), tasks[0].threads)

    def test_a_network_that_draws_in_order_draws_none_ahead(self):
        with self.assertRaises(SystemExit):
            self.train("ahead", ahead=2)

    def test_learning_rate_rises_then_falls(self):
        rates = [loop.learning_rate(k / 100, 0.05, 1.0, 0.01) for k in range(101)]
        self.assertEqual(rates.index(max(rates)), 5)
        self.assertAlmostEqual(rates[0], 0.02, places=3)
        self.assertAlmostEqual(rates[-1], 0.01)

    def test_a_loss_that_is_not_finite_changes_nothing(self):
        task = ScaleTask()
        run = loop.Run(task, self.folder, 0.1)
        task.loss = lambda batch, progress, rng: (task.network.a * torch.nan, {})
        run.learn({}, 0.0, None, 0.1)
        self.assertEqual((task.network.a.item(), run.means), (0.0, {}))

    def test_every_validation_is_a_line_of_the_log(self):
        self.train("whole")
        with open(os.path.join(self.folder, "whole", "log.csv")) as f:
            rows = list(csv.DictReader(f))
        self.assertEqual([row["step"] for row in rows], ["4", "8", "10"])
        self.assertLess(float(rows[-1]["away"]), float(rows[0]["away"]))

    def test_a_checkpoint_is_loaded_by_its_average_and_written_in_halves(self):
        task = self.train("whole")
        make = lambda blob: Scale(**blob["config"])
        network, blob = weights.load(os.path.join(self.folder, "whole", "checkpoint.pt"), make)
        self.assertEqual((blob["id"], blob["step"]), ("scale", 10))
        self.assertEqual(network.a.item(), task.average.a.item())
        target = os.path.join(self.folder, "scale.pt")
        weights.write(target, network, blob, id="scale")
        kept, about = weights.load(target, make)
        self.assertEqual((about["id"], about["step"]), ("scale", 10))
        self.assertEqual(kept.a.item(), network.a.half().float().item())


if __name__ == "__main__":
    unittest.main()
