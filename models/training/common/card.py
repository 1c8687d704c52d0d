"""Model cards (models/<id>.md): the parts that all of them have, and their layout."""

import os
import shutil
import textwrap

from training.common import paths

WIDTH = 120
NOT_FOR_DIAGNOSIS = "- Not for diagnosis."


def fill(text):
    """Markdown by blocks between blank lines: prose, lists filled to WIDTH; tables left alone."""
    blocks = [block.strip("\n") for block in text.split("\n\n") if block.strip()]
    return "\n\n".join(block if block.startswith("|") else _fill_block(block) for block in blocks)


def _fill_block(block):
    """A paragraph, or a list whose items begin with "- "."""
    items = []
    for line in block.split("\n"):
        if line.startswith("- ") or not items:
            items.append([])
        items[-1].append(line.strip())
    options = dict(width=WIDTH, break_long_words=False, break_on_hyphens=False)
    filled = []
    for words in items:
        hang = "  " if words[0].startswith("- ") else ""
        filled.append(textwrap.fill(" ".join(" ".join(words).split()), subsequent_indent=hang, **options))
    return "\n".join(filled)


def table(head, rows):
    """A Markdown table; cells are strings."""
    line = lambda cells: "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)
    return "\n".join([line(head), "|---" * len(head) + "|", *map(line, rows)])


def facts(entries, padded, digits, published=None, more=()):
    """The list on top of a card, of a network's manifest entries (one a file).

    `padded`: what a picture of 1280×720 is padded to for its multiply-accumulates, which are given
    to so many digits.
    """
    entry, rows = entries[0], [("published", published)] if published else []
    for e in entries:
        graph = f"`{e['file']}`, kind `{e['kind']}`, {e['precision']}, opset 17"
        rows.append(("file", f"{graph}, sizes a multiple of {e['multiple']}; sha256 `{e['sha256']}`"))
    rows += [
        ("weights", f"`{entry['id']}.pt` (PyTorch, moving average of the training weights, fp16)"),
        ("parameters", f"{entry['parameters']:,}"),
        (f"multiply-accumulates at 1280×720 (padded to {padded}", f"{entry['macs720p'] / 1e9:.{digits}f} G"),
        ("licence", entry["licence"]),
        ("trained", entry["trained"]),
        *more,
    ]
    return fill("\n".join(f"- **{name}**: {fact}" for name, fact in rows))


def keep_logs(run, name):
    """Copy log and curves of a training run beside the others' (training/logs). Where they lie."""
    for file in ("log.csv", "curves.png"):
        if os.path.exists(os.path.join(run, file)):
            shutil.copyfile(os.path.join(run, file), os.path.join(paths.LOGS, f"{name}-{file}"))
    return f"Log and curves: `training/logs/{name}-log.csv`, `training/logs/{name}-curves.png`"


def write(folder, name, intro, head, sections):
    """Write <name>.md: intro, the list of facts, and sections (heading → text)."""
    parts = [f"# {name}", fill(intro), head]
    parts += [f"## {heading}\n{fill(text)}" for heading, text in sections.items()]
    with open(os.path.join(folder, f"{name}.md"), "w") as f:
        f.write("\n\n".join(parts) + "\n")
