"""Train one network of the zoo on samples of ../prepare.py. Resumes from its checkpoint; safe to
stop, suspend or kill at any time.

The length is given in minutes of training; the learning rate follows the share of them that is used
up: warm-up, then a cosine. Networks with motion in them first learn the true flow of rendered
scenes alone, at their own reduced resolution (--lead): without that the picture's error keeps them
at "nothing moves". The first samples of each kind are held back as the fixed validation, where the
network is compared with the plain blend. On CUDA the forward pass runs in bf16 or fp16 autocast; on
CPU --bf16 does so too.
"""

import argparse
import contextlib
import csv
import math
import os
import time

import numpy as np
import torch

from training.common import curves, losses, paths
from training.zoo import nets
from training.zoo.batches import HELD, FlowPairs, Sources, crop, inside
from training.zoo.ifrnet import flow_at_eighth

curves.PANELS = (
    ("videos_psnr", "videos_blend_psnr"),
    ("windows_psnr", "windows_blend_psnr"),
    ("scenes_psnr", "scenes_blend_psnr"),
    ("phantom_psnr", "phantom_blend_psnr"),
    ("photo",),
    ("epe",),
)

# Shares of each kind of sample, at the start and at the end.
SHARES = dict(
    ifrnet=dict(videos=(0.35, 0.45), windows=(0.15, 0.3), scenes=(0.5, 0.25)),
    dvf=dict(videos=(0.35, 0.45), windows=(0.15, 0.3), scenes=(0.5, 0.25)),
    nested=dict(phantom=(0.4, 0.6), videos=(0.2, 0.2), windows=(0.1, 0.1), scenes=(0.3, 0.1)),
    half=dict(videos=(0.6, 0.75), scenes=(0.4, 0.25)),
)


def autocast(device, bf16):
    if device == "cuda":
        return torch.autocast("cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)
    return torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext()


@torch.no_grad()
def validate(net, sources, device):
    """Held-back samples of each kind: PSNR of the blend and of the network (phantom: against the
    noise-free truth).
    """
    net.eval()
    out = {}
    for name, s in sources.ready().items():
        plain, made = [], []
        for i in range(0, HELD, 8):
            b = crop({k: v.to(device) for k, v in sources.take(name, range(i, i + 8)).items()}, 192, 32, (32, 32))
            if net.times == "half" and not ((b["time"] - 0.5).abs() < 1e-4).all():
                continue
            made.append(
                losses.psnr(inside(32)(net(b["frame0"], b["frame1"], b["time"])["frame"]).clamp(0, 1), b["truth"])
            )
            plain.append(losses.psnr(b["blend"], b["truth"]))
        if made:
            out[name + "_blend_psnr"], out[name + "_psnr"] = (
                torch.cat(plain).mean().item(),
                torch.cat(made).mean().item(),
            )
    net.train()
    return out


def flow_loss(net, b, inner):
    """End-point error of all the flows that a network estimates, relative to the sample's motion:
    warm-up.
    """
    length = lambda f: (f[:, :2].norm(dim=1) + f[:, 2:].norm(dim=1)).mean((1, 2)) / 2
    scale, flows = length(b["flow"]) + 1, net.estimate(b["frame0"], b["frame1"], b["time"])
    each = [(length(inner(flow_at_eighth(f.float(), cell), 8) - b["flow"]) / scale).mean() for f, cell in flows]
    return sum(each) / len(each), dict(epe=each[-1], still=(length(b["flow"]) / scale).mean())


def report(run, state, rate, mean, shares, found):
    """One row of log.csv, printed too; the curves drawn again."""
    log, part = os.path.join(run, "log.csv"), lambda k: round(mean.get(k, float("nan")), 5)
    row = dict(
        step=state["step"],
        minutes=round(state["seconds"] / 60, 2),
        lr=rate,
        photo=part("photo"),
        epe=part("epe"),
        loss=part("loss"),
    )
    row.update({f"{k}{which}_psnr": "" for k in shares for which in ("_blend", "")})
    row.update({k: round(v, 4) for k, v in found.items()})
    new = not os.path.exists(log)
    with open(log, "a", newline="") as f:
        w = csv.DictWriter(f, row.keys())
        if new:
            w.writeheader()
        w.writerow(row)
    print("  validation", row, flush=True)
    curves.draw(log, os.path.join(run, "curves.png"))


def save(path, name, net, ema, optimizer, state):
    """Write a checkpoint so that a kill at any moment leaves a whole one."""
    torch.save(
        dict(
            id=name,
            config=net.config,
            weights=net.state_dict(),
            ema=ema.state_dict(),
            optimizer=optimizer.state_dict(),
            **state,
        ),
        path + ".part",
    )
    os.replace(path + ".part", path)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("id", choices=nets.IDS)
    p.add_argument("--samples", default=paths.SAMPLES, help="folder of shards")
    p.add_argument("--run", help="folder for checkpoint, log and curves; default runs/zoo-ID")
    p.add_argument("--minutes", type=float, default=10, help="training time until the learning rate has come down")
    p.add_argument("--steps", type=int, default=0, help="stop after so many steps (for a trial)")
    p.add_argument("--batch", type=int, default=4)
    p.add_argument(
        "--lead", type=float, default=0.35, help="share of the time that learns true flow alone (all but cfu)"
    )
    p.add_argument("--lead-batch", type=int, default=16, help="batch of that part")
    p.add_argument("--size", type=int, default=192, help="side of the square on which the loss is computed")
    p.add_argument("--margin", type=int, default=32, help="pixels that the network sees beyond it on each side")
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--lr-end", type=float, default=1e-5)
    p.add_argument("--limit", type=int, default=4000, help="samples of each kind held in memory, about")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--bf16", action="store_true", help="bf16 autocast on CPU")
    p.add_argument("--validate-every", type=int, default=500)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    run = a.run or paths.run_folder("zoo-" + a.id)
    os.makedirs(run, exist_ok=True)
    module = nets.module(a.id)
    net, ema = module.Net().to(device), module.Net().to(device)
    ema.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(net.parameters(), lr=a.lr, weight_decay=1e-4)
    checkpoint, state = os.path.join(run, "checkpoint.pt"), dict(step=0, seconds=0.0)
    if os.path.exists(checkpoint):
        blob = torch.load(checkpoint, map_location=device)
        (
            net.load_state_dict(blob["weights"]),
            ema.load_state_dict(blob["ema"]),
            optimizer.load_state_dict(blob["optimizer"]),
        )
        state = {k: blob[k] for k in state}
    shares = SHARES.get(a.id, SHARES["half"])
    sources = Sources(a.samples, shares, a.limit)
    print(
        f"{a.id}: {sum(q.numel() for q in net.parameters())} parameters, samples { {k: len(s) for k, s in sources.sets.items()} }",
        flush=True,
    )
    pairs = (
        FlowPairs(sources, net.reduced)
        if hasattr(net, "reduced") and state["seconds"] < a.lead * a.minutes * 60
        else None
    )
    rng = np.random.default_rng([a.seed, state["step"]])
    mean, last, inner, seen, begun, rate = {}, time.time(), inside(a.margin), 0, state["seconds"], a.lr_end
    while state["seconds"] < a.minutes * 60 and not (a.steps and state["step"] >= a.steps):
        progress = state["seconds"] / (a.minutes * 60)
        rate = min(1.0, (progress + 1e-3) / 0.04) * (
            a.lr_end + (a.lr - a.lr_end) * 0.5 * (1 + math.cos(math.pi * progress))
        )
        for g in optimizer.param_groups:
            g["lr"] = rate
        leading = pairs is not None and progress < a.lead
        pairs = pairs if leading else None
        at = tuple(int(v) * 8 for v in rng.integers(0, (256 - a.size) // 8 + 1, 2))
        batch = (
            pairs.draw(a.lead_batch, rng)
            if leading
            else crop(sources.draw(a.batch, progress, rng), a.size, a.margin, at)
        )
        batch = {k: v.to(device) for k, v in batch.items()}
        with autocast(device, a.bf16):
            loss, parts = (
                getattr(module, "warm_up", flow_loss)(net, batch, inside(32))
                if leading
                else module.objective(net, batch, progress, inner)
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        if torch.isfinite(norm):
            optimizer.step()
        state["step"] += 1
        seen += len(batch["time"])
        decay = min(0.998, (1 + state["step"]) / (10 + state["step"]))
        with torch.no_grad():
            for e, w in zip(ema.parameters(), net.parameters()):
                e.lerp_(w, 1 - decay)
        for k, v in dict(parts, loss=loss, norm=norm).items():
            v = float(v.detach()) if torch.is_tensor(v) else v
            if math.isfinite(v):
                mean[k] = mean.get(k, v) * 0.98 + 0.02 * v
        now = time.time()
        state["seconds"] += min(now - last, 3.0)  # a suspended process does not age
        last = now
        if state["step"] % 100 == 0:
            speed = seen / max(state["seconds"] - begun, 1e-6)
            print(
                f"step {state['step']} {state['seconds'] / 60:.1f} min {speed:.1f} samples/s lr {rate:.1e} "
                + " ".join(f"{k} {v:.4f}" for k, v in mean.items()),
                flush=True,
            )
            save(checkpoint, a.id, net, ema, optimizer, state)
        if state["step"] % a.validate_every == 0 or state["step"] == 200:
            report(run, state, rate, mean, shares, validate(ema, sources, device))
            sources.refresh()
            last = time.time()
    save(checkpoint, a.id, net, ema, optimizer, state)
    report(run, state, rate, mean, shares, validate(ema, sources, device))


if __name__ == "__main__":
    main()
