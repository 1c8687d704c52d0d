"""Train flow-s on prepared samples (common/prepare.py), or tune it on the phantom (fluoro-s).

True flow and true occlusion lead at first, the photometric loss takes over. The length is given in
minutes; a run goes on from its checkpoint (common/loop.py).
"""

import argparse

import numpy as np
import torch
import torch.nn.functional as F

from training.common import loop, losses, paths
from training.common.samples import HELD, MARGIN, Samples, augment, informed, join, unseen
from training.common.warp import render, render_sparse, seed_field
from training.flow_s.network import FlowS, grown, load, network_inputs, quarter

EASE = 0.45  # PSNR counts a sample of 41 dB as much as one of 25 dB


def clean_frames(b):
    """Both frames of a batch; of the phantom the noise-free ones."""
    return b.get("clean0", b["frame0"]), b.get("clean1", b["frame1"])


def field_of(model, b):
    """The network's field for a batch."""
    images = network_inputs(quarter(b["frame0"]), quarter(b["frame1"]), b["seed"], MARGIN // 4)
    return model(images, b["seed"], b["costs"], b["fine"], b["motion"])


def predict(model, b):
    """Batch → field and rendered middle frame: of the phantom the noise-free one, from the field
    that the noisy ones gave.
    """
    field = field_of(model, b)
    return field, render(*clean_frames(b), field, margin=MARGIN)


def start(options):
    """The network to train: new, of the weights to start from, or of those of a former one that did
    not know the pairs beside.
    """
    if not options.init:
        return FlowS(options.widths, beside=True)
    network, _ = load(options.init)
    return (network if network.beside else grown(network)).train()


class FlowSTask(loop.Task):
    """flow-s, its samples and losses. `options` as of the command line."""

    apart = True

    def __init__(self, options, device):
        super().__init__(start(options).to(device), start(options).to(device))
        self.network.mixed = options.mixed
        self.options, self.device = options, device
        kinds = ("videos", "scenes", "phantom") if options.phantom else ("videos", "scenes")
        self.sets = {k: Samples(options.samples, k) for k in kinds}

    def batch(self, progress, rng):
        o = self.options
        drawn = rng.random(o.batch) < o.scenes[0] + (o.scenes[1] - o.scenes[0]) * progress
        names = np.where(drawn, "scenes", "videos").astype(object)
        if o.phantom:
            names[rng.random(o.batch) < o.phantom] = "phantom"
        counts = {n: int((names == n).sum()) for n in self.sets}
        batches = [s.take(unseen(rng, len(s), counts[n])) for n, s in self.sets.items() if counts[n]]
        batch = informed(augment(join(*batches), rng), rng)
        return {k: v.to(self.device) for k, v in batch.items()}

    def loss(self, b, progress, rng):
        """The photometric part is relative to the plain seed's error, so that easy samples count
        too.

        The picture is rendered at every second row and column only, from a random start.
        """
        o, field, plain = self.options, field_of(self.network, b), seed_field(b["seed"])
        start = tuple(int(v) for v in rng.integers(0, 2, 2))
        sparse = lambda frames, f: render_sparse(*frames, f, MARGIN, start, 2)
        part = lambda k: b[k][..., start[0] :: 2, start[1] :: 2]
        clean, truth, known = clean_frames(b), part("truth"), ()
        if "clean" in b:
            known = losses.xray_weight(truth, part("clean"), part("weight"))
            truth = part("clean")
        made = sparse(clean, field)
        photo = losses.relative(made, sparse(clean, plain), truth, *known, ease=EASE).mean()
        if known:  # what the noisy frames make, too: the second motion may average noise
            noisy = (b["frame0"], b["frame1"])
            made_noisy = losses.relative(sparse(noisy, field), sparse(noisy, plain), truth, *known, ease=EASE)
            photo = photo + o.noisy * (made_noisy.mean() - photo)
        census = torch.zeros(())
        if o.census:
            census = losses.census(predict(self.network, b)[1], b.get("clean", b["truth"])).mean()
        parts = dict(
            photo=photo,
            census=census,
            epe=losses.robust_endpoint_error(field, b["flow"]),
            mask=losses.mask_loss(field, b["visible"]),
            error=losses.error_loss(field, made, truth),
            share=field[:, 11].mean(),
        )
        lead = max(0.0, 1 - progress / 0.35)  # true-flow supervision fades over the first third
        weights = dict(
            photo=0.1,
            census=o.census,
            epe=o.flow + 0.046 * lead,
            mask=0.002 + 0.018 * lead,
            error=0.2,
            share=o.share,
        )
        return sum(weights[k] * v for k, v in parts.items()), parts

    def validate(self):
        """PSNR of the plain seed and of the network that knows the pair before, end-point error,
        correlation of expected and true error.
        """
        out = {}
        for name, s in self.sets.items():
            plain, made, epe, told, true = [], [], [], [], []
            kept = range(0, len(s), HELD)
            for i in range(0, len(kept), 16):
                b = informed(s.take(kept[i : i + 16]), "before")
                b = {k: v.to(self.device) for k, v in b.items()}
                field, frame = predict(self.average, b)
                truth = b.get("clean", b["truth"])
                made.append(losses.psnr(frame, truth))
                still = render(*clean_frames(b), seed_field(b["seed"]), margin=MARGIN)
                plain.append(losses.psnr(still, truth))
                epe.append(losses.endpoint_error(field, b["flow"]).item())
                told.append(field[:, 5].flatten())
                true.append(F.avg_pool2d((frame - truth).abs(), 8).flatten())
            if not kept:
                continue
            out[name + "_seed_psnr"] = torch.cat(plain).mean().item()
            out[name + "_psnr"] = torch.cat(made).mean().item()
            both = (torch.cat(x).cpu().numpy() for x in (told, true))
            out[name + "_error_corr"] = float(np.corrcoef(*both)[0, 1])
            if name == "scenes":
                out["scenes_epe"] = float(np.mean(epe))
        return out

    def refresh(self):
        for s in self.sets.values():
            s.refresh()

    def note(self):
        return f"samples {[len(s) for s in self.sets.values()]}"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    loop.add_arguments(p, run=paths.run_folder("flow-s"), minutes=80)
    p.add_argument(
        "--scenes",
        type=float,
        nargs=2,
        default=(0.5, 0.25),
        help="share of rendered scenes in a batch, at the start and at the end",
    )
    p.add_argument(
        "--phantom",
        type=float,
        default=0.0,
        help="share of the fluoroscopy phantom in a batch (phantom/prepare.py); --scenes counts of the rest",
    )
    p.add_argument(
        "--init",
        help="weights or checkpoint to start from, with a fresh optimizer; its widths and inputs are taken over",
    )
    p.add_argument("--flow", type=float, default=0.004, help="weight of the true flow once it leads no more")
    p.add_argument(
        "--share",
        type=float,
        default=0.002,
        help="price of the second motion: cells that gain little by it do without",
    )
    text = "share of the noisy frames' picture in the phantom's error: they ask for averaging, not for motion"
    p.add_argument("--noisy", type=float, default=0.5, help=text)
    p.add_argument("--census", type=float, default=0.0, help="weight of the census loss")
    p.add_argument("--widths", type=int, nargs=3, default=(48, 64, 96), help="channels at 1/8, 1/16, 1/32")
    options = p.parse_args()
    device = loop.begin(options)
    loop.train(FlowSTask(options, device), options, device)


if __name__ == "__main__":
    main()
