"""Train the second stage of flow-m on prepared samples; its first stage is a trained flow-s
(--trunk). Resumes from its checkpoint.

Triplets, windows (any time between the frames) and rendered scenes; the length is given in minutes,
the learning rate follows the share of them that is used up. On CUDA and where the processor has
bfloat16, --mixed trains faster.
"""

import argparse
import csv
import math
import os
import time

import numpy as np
import torch

from training.common import curves, losses, paths
from training.common.samples import MARGIN, Samples, augment, join
from training.flow_m import network as flow_m
from training.flow_m.network import FlowM
from training.flow_s import network as first
from training.flow_s.train import HELD, save, unseen

curves.PANELS = (
    ("videos_psnr", "videos_base_psnr"),
    ("windows_psnr", "windows_base_psnr"),
    ("scenes_psnr", "scenes_base_psnr"),
    ("photo",),
)
SHARES = dict(videos=0.55, windows=0.25, scenes=0.2)


def crop(batch, size, rng):
    """A random square of the truth, with the frames' margin around it; on the field's grid of 32."""
    y, x = (int(v) * 32 for v in rng.integers(0, (batch["truth"].shape[-1] - size) // 32 + 1, 2))
    part = lambda k, cell, extra: batch[k][
        ..., y // cell : (y + size) // cell + extra, x // cell : (x + size) // cell + extra
    ]
    return dict(
        frame0=part("frame0", 1, 2 * MARGIN),
        frame1=part("frame1", 1, 2 * MARGIN),
        truth=part("truth", 1, 0),
        seed=part("seed", 8, 0),
        costs=part("costs", 8, 0),
        time=batch["time"],
    )


def run(net, b):
    """The network's outputs for a batch."""
    return net(b["frame0"], b["frame1"], b["seed"], b["costs"], b["time"].view(-1, 1, 1, 1), MARGIN)


@torch.no_grad()
def validate(net, sets, device):
    """Held-back samples: PSNR of the first stage alone and of both."""
    net.eval()
    out = {}
    for name, s in sets.items():
        base, made, kept = [], [], range(0, len(s), 2 * HELD)
        for i in range(0, len(kept), 8):
            b = {k: v.to(device) for k, v in s.take(kept[i : i + 8]).items()}
            r = run(net, b)
            base.append(losses.psnr(r["base"], b["truth"]))
            made.append(losses.psnr(r["frame"].clamp(0, 1), b["truth"]))
        out[name + "_base_psnr"], out[name + "_psnr"] = torch.cat(base).mean().item(), torch.cat(made).mean().item()
    net.train()
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--samples", default=paths.SAMPLES, help="folder of shards")
    p.add_argument("--run", default=paths.run_folder("flow-m"), help="folder for checkpoint, log and curves")
    p.add_argument(
        "--trunk",
        default=os.path.join(paths.MODELS, "flow-s.pt"),
        help="weights of flow-s: the first stage, not changed",
    )
    p.add_argument("--init", help="weights of flow-m whose second stage to start from")
    p.add_argument("--minutes", type=float, default=30)
    p.add_argument("--batch", type=int, default=4)
    p.add_argument("--size", type=int, default=160, help="side of the square that the loss sees")
    p.add_argument("--lr", type=float, default=5e-4)
    p.add_argument("--lr-end", type=float, default=1e-5)
    p.add_argument("--census", type=float, default=0.05, help="weight of the census loss")
    p.add_argument("--limit", type=int, default=3000, help="samples of each kind held in memory")
    p.add_argument("--mixed", action="store_true", help="bfloat16 convolutions")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--validate-every", type=int, default=500)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    os.makedirs(a.run, exist_ok=True)
    trunk, _ = first.load(a.trunk)
    net, ema = (FlowM(trunk=trunk.config["widths"]).to(device) for _ in range(2))
    if a.init:
        net.second.load_state_dict(flow_m.load_second(a.init))
    net.trunk.load_state_dict(trunk.state_dict())
    ema.load_state_dict(net.state_dict())
    net.mixed = a.mixed
    optimizer = torch.optim.AdamW(net.second.parameters(), lr=a.lr, weight_decay=1e-4)
    checkpoint, state = os.path.join(a.run, "checkpoint.pt"), dict(step=0, seconds=0.0)
    if os.path.exists(checkpoint):
        blob = torch.load(checkpoint, map_location=device)
        (
            net.load_state_dict(blob["weights"]),
            ema.load_state_dict(blob["ema"]),
            optimizer.load_state_dict(blob["optimizer"]),
        )
        state = {k: blob[k] for k in state}
    sets = {k: Samples(a.samples, k, a.limit) for k in SHARES}
    rng = np.random.default_rng([a.seed, state["step"]])
    log, mean, last = os.path.join(a.run, "log.csv"), {}, time.time()
    while state["seconds"] < a.minutes * 60:
        progress = state["seconds"] / (a.minutes * 60)
        rate = min(1.0, (progress + 1e-3) / 0.05) * (
            a.lr_end + (a.lr - a.lr_end) * 0.5 * (1 + math.cos(math.pi * progress))
        )
        for g in optimizer.param_groups:
            g["lr"] = rate
        drawn = rng.choice(list(SHARES), a.batch, p=list(SHARES.values()))
        batch = join(*[s.take(unseen(rng, len(s), k)) for n, s in sets.items() if (k := int((drawn == n).sum()))])
        b = {k: v.to(device) for k, v in crop(augment(batch, rng), a.size, rng).items()}
        out = run(net, b)
        photo = losses.relative(out["frame"], out["base"], b["truth"]).mean()
        census = losses.census(out["frame"], b["truth"]).mean() if a.census else torch.zeros(())
        optimizer.zero_grad(set_to_none=True)
        (photo + a.census * census).backward()
        norm = torch.nn.utils.clip_grad_norm_(net.second.parameters(), 1.0)
        if torch.isfinite(norm):
            optimizer.step()
        state["step"] += 1
        decay = min(0.999, (1 + state["step"]) / (10 + state["step"]))
        with torch.no_grad():
            for e, w in zip(ema.second.parameters(), net.second.parameters()):
                e.lerp_(w, 1 - decay)
        for k, v in dict(photo=photo, census=census, norm=norm).items():
            mean[k] = mean.get(k, float(v)) * 0.98 + 0.02 * float(v)
        now = time.time()
        state["seconds"] += min(now - last, 3.0)  # a suspended process does not age
        last = now
        if state["step"] % 100 == 0:
            print(
                f"step {state['step']} {state['seconds'] / 60:.1f} min {state['step'] * a.batch / state['seconds']:.1f} samples/s lr {rate:.1e} "
                + " ".join(f"{k} {v:.4f}" for k, v in mean.items()),
                flush=True,
            )
            save(checkpoint, net, ema, optimizer, state)
        if state["step"] % a.validate_every == 0 or state["step"] == 100:
            row = dict(
                step=state["step"],
                minutes=round(state["seconds"] / 60, 2),
                lr=rate,
                photo=round(mean["photo"], 5),
                census=round(mean["census"], 5),
                **{k: round(v, 4) for k, v in validate(ema, sets, device).items()},
            )
            new = not os.path.exists(log)
            with open(log, "a", newline="") as f:
                w = csv.DictWriter(f, row.keys())
                if new:
                    w.writeheader()
                w.writerow(row)
            print("  validation", row, flush=True)
            curves.draw(log, os.path.join(a.run, "curves.png"))
            last = time.time()
    save(checkpoint, net, ema, optimizer, state)


if __name__ == "__main__":
    main()
