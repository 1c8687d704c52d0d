"""Train one network of the zoo on samples of common/prepare.py (nested: of phantom/prepare.py too).

Networks with motion in them first learn the true flow of rendered scenes alone, at their own
reduced resolution (--lead): without that the picture's error keeps them at "nothing moves". The
first samples of each kind are held back as the fixed validation, where the network is compared with
the plain blend. The length is given in minutes (on a CPU: of its time); a run goes on from its
checkpoint (common/loop.py). On CUDA the forward pass runs in bf16 or fp16 autocast; on CPU --mixed
does so too.
"""

import argparse
import contextlib
import time

import torch

from training.common import loop, losses, paths
from training.zoo import nets
from training.zoo.batches import HELD, FlowPairs, Sources, crop, inside
from training.zoo.ifrnet import flow_at_eighth

# Shares of each kind of sample, at the start and at the end.
FLOW = dict(videos=(0.35, 0.45), windows=(0.15, 0.3), scenes=(0.5, 0.25))
SHARES = dict(
    ifrnet=FLOW,
    dvf=FLOW,
    memc=FLOW,
    dain=FLOW,
    nested=dict(phantom=(0.4, 0.6), videos=(0.2, 0.2), windows=(0.1, 0.1), scenes=(0.3, 0.1)),
    half=dict(videos=(0.6, 0.75), scenes=(0.4, 0.25)),
)
KINDS = ("videos", "windows", "scenes", "phantom")


def autocast(device, mixed):
    """The context of the forward pass."""
    if device == "cuda":
        return torch.autocast("cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)
    return torch.autocast("cpu", torch.bfloat16) if mixed else contextlib.nullcontext()


def clock_of(device, threads):
    """Seconds that a training has worked: on a CPU those of the processor, because other work on
    the machine may leave it little of them.
    """
    return (lambda: time.process_time() / threads) if device == "cpu" else time.time


def flow_loss(net, b, inner):
    """End-point error of all the flows that a network estimates, relative to the sample's motion:
    warm-up.
    """
    length = lambda f: (f[:, :2].norm(dim=1) + f[:, 2:].norm(dim=1)).mean((1, 2)) / 2
    scale, flows = length(b["flow"]) + 1, net.estimate(b["frame0"], b["frame1"], b["time"])
    each = [(length(inner(flow_at_eighth(f.float(), cell), 8) - b["flow"]) / scale).mean() for f, cell in flows]
    return sum(each) / len(each), dict(epe=each[-1], still=(length(b["flow"]) / scale).mean())


def begun_from(path, network, anew=None):
    """The network with those weights of another one's file that it has too (names and shapes), but
    for those whose names start with `anew`. A network that holds the other as a part of it says
    where (`holds`).
    """
    given, blob = nets.load(path)
    prefix, own = getattr(network, "holds", {}).get(blob["id"], ""), network.state_dict()
    named = {prefix + k: v for k, v in given.state_dict().items()}
    fits = lambda k, v: k in own and own[k].shape == v.shape and not (anew and k.startswith(anew))
    shared = {k: v for k, v in named.items() if fits(k, v)}
    if not shared:
        raise SystemExit(f"{path} has no weights that fit")
    network.load_state_dict(own | shared)
    print(f"{len(shared)} of {len(own)} tensors from {path}", flush=True)
    return network


class ZooTask(loop.Task):
    """A network of the zoo, its samples and losses. `options` as of the command line."""

    panels = (*((f"{k}_psnr", f"{k}_blend_psnr") for k in KINDS), ("photo",), ("epe",))
    warm_up = 0.04
    decay = 0.998
    validates_at_end = True
    logged = ("photo", "epe", "loss")

    def __init__(self, options, device):
        self.module = nets.module(options.id)
        network, average = (self.module.Net().to(device) for _ in range(2))
        if options.init:
            begun_from(options.init, network, options.anew)
        super().__init__(network, average, id=options.id)
        self.options, self.device, self.pairs, self.leading = options, device, None, False
        self.shares = options.shares or SHARES.get(options.id, SHARES["half"])
        self.sources = Sources(options.samples, self.shares, options.limit)
        size, counts = sum(q.numel() for q in network.parameters()), self.sources.counts()
        print(f"{options.id}: {size} parameters, samples {counts}", flush=True)

    def batch(self, progress, rng):
        o = self.options
        self.leading = progress < o.lead and hasattr(self.network, "reduced")
        at = tuple(int(v) * 8 for v in rng.integers(0, (256 - o.size) // 8 + 1, 2))
        if self.leading:
            self.pairs = self.pairs or FlowPairs(self.sources, self.network.reduced, getattr(self.network, "needs", ()))
            batch = self.pairs.draw(o.lead_batch, rng)
        else:
            self.pairs = None  # not needed again
            batch = crop(self.sources.draw(o.batch, progress, rng), o.size, o.margin, at)
        return {k: v.to(self.device) for k, v in batch.items()}

    def loss(self, b, progress, rng):
        """The network's warm-up or its own objective."""
        with autocast(self.device, self.options.mixed):
            if self.leading:
                return getattr(self.module, "warm_up", flow_loss)(self.network, b, inside(32))
            return self.module.objective(self.network, b, progress, inside(self.options.margin))

    def validate(self):
        """PSNR of the blend and of the network (phantom: against the noise-free truth)."""
        net, out = self.average, {}
        for name in self.sources.ready():
            plain, made = [], []
            for i in range(0, HELD, 8):
                b = {k: v.to(self.device) for k, v in self.sources.take(name, range(i, i + 8)).items()}
                b = crop(b, 192, 32, (32, 32))
                if net.times == "half" and not ((b["time"] - 0.5).abs() < 1e-4).all():
                    continue
                frame = inside(32)(net(b["frame0"], b["frame1"], b["time"])["frame"])
                made.append(losses.psnr(frame.clamp(0, 1), b["truth"]))
                plain.append(losses.psnr(b["blend"], b["truth"]))
            if made:
                out[name + "_blend_psnr"] = torch.cat(plain).mean().item()
                out[name + "_psnr"] = torch.cat(made).mean().item()
        return out

    def row(self, means, found):
        """As usual, with empty columns for kinds of which there are no samples yet."""
        kinds = {f"{k}{which}_psnr": "" for k in self.shares for which in ("_blend", "")}
        return {**super().row(means, {}), **kinds, **{k: round(v, 4) for k, v in found.items()}}

    def refresh(self):
        self.sources.refresh()


def share(text):
    """KIND=SHARE of the command line, the same from the start to the end."""
    kind, value = text.split("=")
    if kind not in KINDS:
        raise argparse.ArgumentTypeError(f"no kind {kind}: one of {', '.join(KINDS)}")
    return kind, (float(value),) * 2


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("id", choices=nets.IDS)
    loop.add_arguments(p, minutes=10, lr=1e-3)
    p.add_argument(
        "--init", metavar="FILE", help="begin from another network's weights, where it has the same (dain: memc)"
    )
    p.add_argument("--anew", metavar="PREFIX", help="but not the weights with such names (dain: depth.)")
    p.add_argument("--lead", type=float, default=0.35, help="share of the time that learns true flow alone (not cfu)")
    p.add_argument("--lead-batch", type=int, default=16, help="batch of that part")
    p.add_argument("--size", type=int, default=192, help="side of the square on which the loss is computed")
    p.add_argument("--margin", type=int, default=32, help="pixels that the network sees beyond it on each side")
    p.add_argument(
        "--shares", type=share, nargs="+", metavar="KIND=SHARE", help=f"shares of samples ({', '.join(KINDS)})"
    )
    p.add_argument("--limit", type=int, default=4000, help="samples of each kind held in memory, about")
    options = p.parse_args()
    options.shares = dict(options.shares or ())
    options.run = options.run or paths.run_folder("zoo-" + options.id)
    device = loop.begin(options)
    loop.train(ZooTask(options, device), options, device, clock_of(device, options.threads))


if __name__ == "__main__":
    main()
