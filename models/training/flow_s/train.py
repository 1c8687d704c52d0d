"""Train flow-s on prepared samples (prepare.py). Resumes from its checkpoint; safe to stop, suspend
or kill at any time.

The length is given in minutes of training, and the learning rate follows the share of them that is
used up: warm-up, then a cosine. True flow and true occlusion lead at first, the photometric loss
takes over. The first samples of each kind are held back as the fixed validation.
"""

import argparse
import csv
import math
import os
import time

import numpy as np
import torch

from training.common import losses, paths
from training.common.curves import draw
from training.common.samples import MARGIN, Samples, augment, join
from training.common.warp import render, render_sparse, seed_field
from training.flow_s.network import FlowS, load, network_inputs, quarter

HELD = 50  # every so many samples of each kind one is kept for validation: all clips are in it


def predict(model, b):
    """Batch → field and rendered middle frame: of the phantom the noise-free one, from the field
    that the noisy ones gave.
    """
    images = network_inputs(quarter(b["frame0"]), quarter(b["frame1"]), b["seed"], MARGIN // 4)
    field = model(images, b["seed"], b["costs"])
    return field, render(b.get("clean0", b["frame0"]), b.get("clean1", b["frame1"]), field, margin=MARGIN)


def total_loss(model, b, progress, rng, a):
    """Weighted sum and its parts. The photometric part is relative to the plain seed's error, so
    that easy samples count too.

    The picture is rendered at every second row and column only, from a random start.
    """
    field = model(
        network_inputs(quarter(b["frame0"]), quarter(b["frame1"]), b["seed"], MARGIN // 4), b["seed"], b["costs"]
    )
    start = tuple(int(v) for v in rng.integers(0, 2, 2))
    clean0, clean1 = b.get("clean0", b["frame0"]), b.get("clean1", b["frame1"])
    made, plain = (render_sparse(clean0, clean1, f, MARGIN, start, 2) for f in (field, seed_field(b["seed"])))
    part = lambda k: b[k][..., start[0] :: 2, start[1] :: 2]
    truth, weight, known, noisy = part("truth"), None, None, None
    if "clean" in b:
        weight, known = losses.xray_weight(truth, part("clean"), part("weight"))
        truth = part("clean")
        noisy = losses.relative(
            *(render_sparse(b["frame0"], b["frame1"], f, MARGIN, start, 2) for f in (field, seed_field(b["seed"]))),
            truth,
            weight,
            known,
        ).mean()
    lead = max(0.0, 1 - progress / 0.35)  # true-flow supervision fades over the first third
    parts = dict(
        photo=losses.relative(made, plain, truth, weight, known).mean(),
        census=losses.census(predict(model, b)[1], b.get("clean", b["truth"])).mean() if a.census else torch.zeros(()),
        epe=losses.robust_endpoint_error(field, b["flow"]),
        mask=losses.mask_loss(field, b["visible"]),
        error=losses.error_loss(field, made, truth),
        share=field[:, 11].mean(),
    )
    if noisy is not None:  # what the noisy frames make, too: the second motion may average noise
        parts["photo"] = 0.5 * (parts["photo"] + noisy)
    loss = (
        0.1 * parts["photo"]
        + a.census * parts["census"]
        + (a.flow + 0.046 * lead) * parts["epe"]
        + (0.002 + 0.018 * lead) * parts["mask"]
        + 0.2 * parts["error"]
        + a.share * parts["share"]
    )
    return loss, parts


def unseen(rng, count, size):
    """`size` random sample numbers, none of them kept for validation."""
    n = rng.integers(1, count, size)
    return n + (n % HELD == 0) * np.where(n + 1 < count, 1, -1)


@torch.no_grad()
def validate(model, sets, device):
    """Held-back samples: PSNR of the plain seed and of the network, end-point error, correlation of
    expected and true error.
    """
    model.eval()
    out = {}
    for name, s in sets.items():
        plain, made, epe, told, true = [], [], [], [], []
        kept = range(0, len(s), HELD)
        for i in range(0, len(kept), 16):
            b = {k: v.to(device) for k, v in s.take(kept[i : i + 16]).items()}
            f, r = predict(model, b)
            truth, clean0, clean1 = (
                b.get("clean", b["truth"]),
                b.get("clean0", b["frame0"]),
                b.get("clean1", b["frame1"]),
            )
            made.append(losses.psnr(r, truth))
            plain.append(losses.psnr(render(clean0, clean1, seed_field(b["seed"]), margin=MARGIN), truth))
            epe.append(losses.endpoint_error(f, b["flow"]).item())
            told.append(f[:, 5].flatten())
            true.append(torch.nn.functional.avg_pool2d((r - truth).abs(), 8).flatten())
        out[name + "_seed_psnr"], out[name + "_psnr"] = torch.cat(plain).mean().item(), torch.cat(made).mean().item()
        out[name + "_error_corr"] = float(
            np.corrcoef(torch.cat(told).cpu().numpy(), torch.cat(true).cpu().numpy())[0, 1]
        )
        if name == "scenes":
            out["scenes_epe"] = float(np.mean(epe))
    model.train()
    return out


def save(path, model, ema, optimizer, state):
    """Write a checkpoint so that a kill at any moment leaves a whole one."""
    torch.save(
        dict(
            config=model.config,
            weights=model.state_dict(),
            ema=ema.state_dict(),
            optimizer=optimizer.state_dict(),
            **state,
        ),
        path + ".part",
    )
    os.replace(path + ".part", path)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--samples", default=paths.SAMPLES, help="folder of shards")
    p.add_argument("--run", default=paths.run_folder("flow-s"), help="folder for checkpoint, log and curves")
    p.add_argument("--minutes", type=float, default=80, help="training time until the learning rate has come down")
    p.add_argument("--batch", type=int, default=4)
    p.add_argument("--lr", type=float, default=5e-4)
    p.add_argument("--lr-end", type=float, default=1e-5)
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
        help="share of the fluoroscopy phantom in a batch (prepare_phantom.py); --scenes counts of the rest",
    )
    p.add_argument(
        "--init",
        help="weights or checkpoint to start from, with a fresh optimizer; its widths and inputs are taken over",
    )
    p.add_argument("--flow", type=float, default=0.004, help="weight of the true flow once it leads no more")
    p.add_argument(
        "--share", type=float, default=0.002, help="price of the second motion: cells that gain little by it do without"
    )
    p.add_argument("--census", type=float, default=0.0, help="weight of the census loss")
    p.add_argument("--widths", type=int, nargs=3, default=(48, 64, 96), help="channels at 1/8, 1/16, 1/32")
    p.add_argument(
        "--mixed", action="store_true", help="bfloat16 convolutions: faster on a GPU, and on processors that have them"
    )
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--validate-every", type=int, default=500)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    os.makedirs(a.run, exist_ok=True)
    sets = dict(videos=Samples(a.samples, "videos"), scenes=Samples(a.samples, "scenes"))
    if a.phantom:
        sets["phantom"] = Samples(a.samples, "phantom")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, ema = ((load(a.init)[0].train() if a.init else FlowS(a.widths)).to(device) for _ in range(2))
    ema.load_state_dict(model.state_dict())
    model.mixed = a.mixed
    optimizer = torch.optim.AdamW(model.parameters(), lr=a.lr, weight_decay=1e-4)
    checkpoint, state = os.path.join(a.run, "checkpoint.pt"), dict(step=0, seconds=0.0)
    if os.path.exists(checkpoint):
        blob = torch.load(checkpoint, map_location=device)
        (
            model.load_state_dict(blob["weights"]),
            ema.load_state_dict(blob["ema"]),
            optimizer.load_state_dict(blob["optimizer"]),
        )
        state = {k: blob[k] for k in state}
    rng = np.random.default_rng([a.seed, state["step"]])
    log, mean, last = os.path.join(a.run, "log.csv"), {}, time.time()
    while state["seconds"] < a.minutes * 60:
        progress = state["seconds"] / (a.minutes * 60)
        rate = min(1.0, (progress + 1e-3) / 0.05) * (
            a.lr_end + (a.lr - a.lr_end) * 0.5 * (1 + math.cos(math.pi * progress))
        )
        for g in optimizer.param_groups:
            g["lr"] = rate
        drawn = rng.random(a.batch) < a.scenes[0] + (a.scenes[1] - a.scenes[0]) * progress
        names = np.where(drawn, "scenes", "videos").astype(object)
        if a.phantom:
            names[rng.random(a.batch) < a.phantom] = "phantom"
        batches = [s.take(unseen(rng, len(s), k)) for n, s in sets.items() if (k := int((names == n).sum()))]
        batch = {k: v.to(device) for k, v in augment(join(*batches), rng).items()}
        loss, parts = total_loss(model, batch, progress, rng, a)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        if torch.isfinite(norm):
            optimizer.step()
        state["step"] += 1
        decay = min(0.999, (1 + state["step"]) / (10 + state["step"]))
        with torch.no_grad():
            for e, w in zip(ema.parameters(), model.parameters()):
                e.lerp_(w, 1 - decay)
        for k, v in dict(parts, loss=loss, norm=norm).items():
            mean[k] = mean.get(k, float(v)) * 0.98 + 0.02 * float(v)
        now = time.time()
        state["seconds"] += min(now - last, 3.0)  # a suspended process does not age
        last = now
        if state["step"] % 100 == 0:
            print(
                f"step {state['step']} {state['seconds'] / 60:.1f} min {state['step'] * a.batch / state['seconds']:.0f} samples/s lr {rate:.1e} "
                + " ".join(f"{k} {v:.4f}" for k, v in mean.items())
                + f" samples {[len(s) for s in sets.values()]}",
                flush=True,
            )
            save(checkpoint, model, ema, optimizer, state)
        if state["step"] % a.validate_every == 0 or state["step"] == 200:
            row = dict(
                step=state["step"],
                minutes=round(state["seconds"] / 60, 2),
                lr=rate,
                **{k: round(v, 5) for k, v in mean.items()},
                **{k: round(v, 4) for k, v in validate(ema, {k: s for k, s in sets.items() if len(s)}, device).items()},
            )
            new = not os.path.exists(log)
            with open(log, "a", newline="") as f:
                w = csv.DictWriter(f, row.keys())
                if new:
                    w.writeheader()
                w.writerow(row)
            print("  validation", row, flush=True)
            draw(log, os.path.join(a.run, "curves.png"))
            for s in sets.values():
                s.refresh()
            last = time.time()
    save(checkpoint, model, ema, optimizer, state)


if __name__ == "__main__":
    main()
