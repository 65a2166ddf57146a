"""How near the training loop comes to the bare forward and backward of the same model on data in memory.

    python benchmarks/training.py --architectures mobilenet_v2 densenet121 --sizes 224 320

A round trains the same network on the same number of films twice: by ``wb.train`` (cache, augmentation, loss, Adam,
validation pass, checkpoint, history: everything a user gets), and by a loop with the network's forward and backward,
Adam, and the validation forward on tensors that are already there. The figure is bare seconds over ours, in films of
whole epochs; the first epoch of each is left out, because memory is still being found.
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import workbench as wb
from workbench.core.case import Case
from workbench.core.manifest import Manifest
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier

NAMES = ("normal", "abnormal")


def noise_films(folder: Path, train: int, valid: int) -> Manifest:
    """Write films of noise: what they show costs nothing and changes nothing."""
    generator = np.random.default_rng(0)
    cases = []
    for index in range(train + valid):
        name = f"{index}.png"
        Image.fromarray(generator.integers(0, 256, (400, 512), dtype=np.uint8)).save(folder / name)
        split = "train" if index < train else "valid"
        cases.append(Case(f"c{index}", f"p{index}", f"s{index}", name, label=NAMES[index % 2], split=split))
    return Manifest("noise", NAMES, NAMES[1:], folder, tuple(cases))


def bare_epochs(classifier: Classifier, train: Tensor, valid: Tensor, options: wb.TrainingOptions) -> list[float]:
    """Return the seconds of each epoch of the bare loop."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    net = classifier.module.to(device, memory_format=layout).train()
    optimiser = torch.optim.Adam(net.parameters(), lr=options.learning_rate, fused=True)
    labels = (torch.arange(len(train)) % 2).to(device)
    train, valid = (part.to(device, memory_format=layout) for part in (train, valid))
    mixed = torch.autocast(device, torch.bfloat16, enabled=device == "cuda")
    seconds = []
    for _ in range(options.epochs):
        start = time.perf_counter()
        for first in range(0, len(train), options.batch_size):
            part = slice(first, first + options.batch_size)
            with mixed:
                loss = classifier.head.loss(net(train[part]), labels[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        net.eval()
        with torch.inference_mode(), mixed:
            for first in range(0, len(valid), options.batch_size):
                net(valid[first : first + options.batch_size])
        net.train()
        loss.item()
        seconds.append(time.perf_counter() - start)
    return seconds


def measure(architecture: str, size: int, films: Manifest, options: wb.TrainingOptions, folder: Path) -> float:
    """Return bare seconds over ours for one epoch."""
    recipe = Recipe(size=size)
    classifier = wb.build_model(architecture, class_names=NAMES, positive=NAMES[1:], recipe=recipe)
    ours = [each.seconds for each in wb.train(classifier, films, folder, options).history]
    shape = (3, size, size)
    train, valid = (torch.rand(len(films.split(name)), *shape) for name in ("train", "valid"))
    bare = bare_epochs(classifier, train, valid, options)
    return statistics.median(bare[1:]) / statistics.median(ours[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--architectures", nargs="+", default=["mobilenet_v2"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[224, 320])
    parser.add_argument("--films", type=int, default=64)
    parser.add_argument("--valid-films", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--films-on-device", action="store_true")
    arguments = parser.parse_args()
    options = wb.TrainingOptions(
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        learning_rate=1e-4,
        schedule="constant",
        films_on_device=arguments.films_on_device,
    )
    print(
        f"{torch.get_num_threads()} threads, {'GPU' if torch.cuda.is_available() else 'CPU'}, torch {torch.__version__}"
    )
    with tempfile.TemporaryDirectory() as name:
        films = noise_films(Path(name), arguments.films, arguments.valid_films)
        for architecture in arguments.architectures:
            for size in arguments.sizes:
                folder = Path(name) / f"{architecture}-{size}"
                shares = [
                    measure(architecture, size, films, replace(options, seed=run), folder / str(run))
                    for run in range(arguments.rounds)
                ]
                told = " ".join(f"{share:.2f}" for share in shares)
                print(f"{architecture:20} {size} px: {told} of the bare loop's speed", flush=True)


if __name__ == "__main__":
    main()
