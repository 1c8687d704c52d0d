"""The training loop of every network. Safe to stop, suspend or kill at any time.

The length is given in minutes of training, and the learning rate follows the share of them that is
used up: warm-up, then a cosine. The run's folder holds the checkpoint (every 100 steps; a run goes
on from it), log.csv and curves.png (at every validation).
"""

import csv
import math
import os
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from training.common import curves, paths, weights

CHECKPOINT_INTERVAL = 100  # steps
FIRST_VALIDATION = 200  # step; the others are --validate-every apart
MAX_STEP_SECONDS = 3.0  # what a step ages a run at most: a suspended process does not age


class Task:
    """What a network brings to the loop: its weights, batches, losses and validation."""

    panels = curves.PANELS  # of curves.png
    warm_up = 0.05  # share of the time in which the learning rate rises
    decay = 0.999  # of the moving average of the weights
    validates_at_end = False
    logged = None  # names of the losses that log.csv keeps; None: all of them
    apart = False  # whether batch() may run in other threads than loss()

    def __init__(self, network, average, **metadata):
        """`average`: a second network, for the moving average. `metadata` goes into checkpoints."""
        self.network, self.average, self.metadata = network, average, metadata
        average.load_state_dict(network.state_dict())

    def batch(self, progress, rng):
        """Dict of tensors on the device; `progress` is the share of the training that is over."""
        raise NotImplementedError

    def loss(self, batch, progress, rng):
        """Loss and its parts (dict of scalars) of the network on a batch."""
        raise NotImplementedError

    def validate(self):
        """Dict of figures of the moving average on held-back samples."""
        raise NotImplementedError

    def refresh(self):
        """Pick up samples that were made meanwhile."""

    def note(self):
        """What the line of a checkpoint says besides the losses."""
        return ""

    def row(self, means, found):
        """A line of log.csv: running means of the losses, and validate()'s figures."""
        names = means if self.logged is None else self.logged
        losses = {k: round(means.get(k, math.nan), 5) for k in names}
        return {**losses, **{k: round(v, 4) for k, v in found.items()}}


def add_arguments(parser, **defaults):
    """The options of the loop."""
    p = parser.add_argument
    p("--samples", default=paths.SAMPLES, help="folder of shards")
    p("--run", help="folder for checkpoint, log and curves; default training/runs/ID")
    p("--minutes", type=float, help="training time until the learning rate has come down")
    p("--steps", type=int, default=0, help="stop after so many steps (for a trial)")
    p("--batch", type=int, default=4)
    p("--lr", type=float, default=5e-4)
    p("--lr-end", type=float, default=1e-5)
    mixed = "bfloat16 convolutions: faster on a GPU, and on processors that have them"
    p("--mixed", action="store_true", help=mixed)
    p("--threads", type=int, default=1)
    ahead = "batches that so many threads draw while the network learns: a GPU waits for a single one"
    p("--ahead", type=int, default=0, help=ahead)
    p("--validate-every", type=int, default=500, help="steps between validations")
    p("--seed", type=int, default=1)
    parser.set_defaults(**defaults)


def begin(options):
    """Threads and seed as asked for; the device to train on."""
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    return "cuda" if torch.cuda.is_available() else "cpu"


def learning_rate(progress, warm_up, lr, lr_end):
    """Linear warm-up, then a cosine from `lr` to `lr_end`."""
    cosine = lr_end + (lr - lr_end) * 0.5 * (1 + math.cos(math.pi * progress))
    return min(1.0, (progress + 1e-3) / warm_up) * cosine


class Drawer:
    """Draws a task's batches: when they are asked for, or `ahead` of that in as many threads."""

    def __init__(self, task, rng, ahead):
        if ahead and not task.apart:
            raise SystemExit("--ahead: this network's batches are drawn one after the other")
        self.task, self.rng, self.ahead, self.drawn = task, rng, ahead, deque()
        self.pool = ThreadPoolExecutor(ahead) if ahead else None

    def draw(self, progress):
        """The next batch."""
        if not self.pool:
            return self.task.batch(progress, self.rng)
        while len(self.drawn) < self.ahead:
            rng = np.random.default_rng(self.rng.integers(2**63))
            self.drawn.append(self.pool.submit(self.task.batch, progress, rng))
        return self.drawn.popleft().result()

    def close(self):
        """Forget what nobody has asked for."""
        if self.pool:
            self.pool.shutdown(cancel_futures=True)


class Run:
    """A training: the optimizer and what a checkpoint keeps."""

    def __init__(self, task, folder, lr):
        self.task, self.folder = task, folder
        self.checkpoint = os.path.join(folder, "checkpoint.pt")
        self.log = os.path.join(folder, "log.csv")
        self.parameters = list(task.network.parameters())
        self.averages = list(task.average.parameters())
        self.optimizer = torch.optim.AdamW(self.parameters, lr=lr, weight_decay=1e-4)
        self.step, self.seconds, self.rate, self.means = 0, 0.0, 0.0, {}

    def resume(self, device):
        """Go on from the checkpoint, if there is one."""
        if os.path.exists(self.checkpoint):
            blob = torch.load(self.checkpoint, map_location=device)
            self.task.network.load_state_dict(blob["weights"])
            self.task.average.load_state_dict(blob["ema"])
            self.optimizer.load_state_dict(blob["optimizer"])
            self.step, self.seconds = blob["step"], blob["seconds"]

    def save(self):
        """Write the checkpoint."""
        content = dict(
            self.task.metadata,
            config=self.task.network.config,
            weights=self.task.network.state_dict(),
            ema=self.task.average.state_dict(),
            optimizer=self.optimizer.state_dict(),
            step=self.step,
            seconds=self.seconds,
        )
        weights.save(self.checkpoint, content)

    def learn(self, batch, progress, rng, rate):
        """One step of the optimizer and of the moving average."""
        self.rate = rate
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss, parts = self.task.loss(batch, progress, rng)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        if torch.isfinite(norm):
            self.optimizer.step()
        self.step += 1
        decay = min(self.task.decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for average, weight in zip(self.averages, self.parameters):
                average.lerp_(weight, 1 - decay)
        for name, value in dict(parts, loss=loss, norm=norm).items():
            value = float(value.detach()) if torch.is_tensor(value) else value
            if math.isfinite(value):
                self.means[name] = self.means.get(name, value) * 0.98 + 0.02 * value

    def validate(self):
        """A line of log.csv, printed too; the curves drawn again."""
        self.task.average.eval()
        with torch.no_grad():
            found = self.task.validate()
        self.task.average.train()
        row = dict(step=self.step, minutes=round(self.seconds / 60, 2), lr=self.rate)
        row.update(self.task.row(self.means, found))
        new = not os.path.exists(self.log)
        with open(self.log, "a", newline="") as f:
            writer = csv.DictWriter(f, row.keys())
            if new:
                writer.writeheader()
            writer.writerow(row)
        print("  validation", row, flush=True)
        curves.draw(self.log, os.path.join(self.folder, "curves.png"), self.task.panels)


def train(task, options, device, clock=time.time):
    """Train until the minutes (or steps) of the options are used up. `clock`: seconds."""
    os.makedirs(options.run, exist_ok=True)
    run, seen, last = Run(task, options.run, options.lr), 0, clock()
    run.resume(device)
    begun, length, run.rate = run.seconds, options.minutes * 60, options.lr_end
    rng = np.random.default_rng([options.seed, run.step])
    drawer = Drawer(task, rng, options.ahead)
    while run.seconds < length and not (options.steps and run.step >= options.steps):
        progress = run.seconds / length
        batch = drawer.draw(progress)
        rate = learning_rate(progress, task.warm_up, options.lr, options.lr_end)
        run.learn(batch, progress, rng, rate)
        seen += len(batch["time"])
        now = clock()
        run.seconds += min(now - last, MAX_STEP_SECONDS)
        last = now
        if run.step % CHECKPOINT_INTERVAL == 0:
            speed = seen / max(run.seconds - begun, 1e-6)
            means = " ".join(f"{k} {v:.4f}" for k, v in run.means.items())
            at = f"step {run.step} {run.seconds / 60:.1f} min {speed:.1f} samples/s lr {rate:.1e}"
            print(at, means, task.note(), flush=True)
            run.save()
        if run.step % options.validate_every == 0 or run.step == FIRST_VALIDATION:
            run.validate()
            task.refresh()
            last = clock()
    drawer.close()
    run.save()
    if task.validates_at_end:
        run.validate()
