import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR, ReduceLROnPlateau, StepLR

from workbench.training.options import SCHEDULES, TrainingOptions
from workbench.training.schedules import learning_rate, plateaus

LOSSES = (1.0, 0.8, 0.9, 0.7, 0.7, 0.75, 0.72, 0.6, 0.9)


def optimiser(rate: float) -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)


def rates_of(scheduler: LRScheduler, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        rates.append(float(scheduler.optimizer.param_groups[0]["lr"]))
        scheduler.optimizer.step()
        scheduler.step()
    return rates


def test_quarters_are_those_of_the_densenet_paper() -> None:
    options = TrainingOptions(epochs=40, learning_rate=1e-4, schedule="quarters")
    rates = [learning_rate(options, epoch) for epoch in range(40)]
    assert rates == pytest.approx([1e-4] * 10 + [1e-5] * 10 + [2e-6] * 10 + [1e-6] * 10)


def test_quarters_of_few_epochs_change_once_their_share_has_passed() -> None:
    options = TrainingOptions(epochs=6, learning_rate=1.0, schedule="quarters")
    assert [learning_rate(options, epoch) for epoch in range(6)] == pytest.approx([1, 1, 0.1, 0.02, 0.02, 0.01])


def test_step_is_that_of_torch() -> None:
    options = TrainingOptions(epochs=10, learning_rate=0.3, schedule="step", step_epochs=3, factor=0.5)
    expected = rates_of(StepLR(optimiser(0.3), step_size=3, gamma=0.5), 10)
    assert [learning_rate(options, epoch + 0.7) for epoch in range(10)] == pytest.approx(expected)


def test_cosine_is_that_of_torch() -> None:
    options = TrainingOptions(epochs=5, learning_rate=0.3, schedule="cosine")
    expected = rates_of(CosineAnnealingLR(optimiser(0.3), T_max=20), 20)
    assert [learning_rate(options, step / 4) for step in range(20)] == pytest.approx(expected)


def test_one_cycle_is_that_of_torch() -> None:
    options = TrainingOptions(epochs=10, learning_rate=0.3, schedule="one-cycle")
    steps = 101  # torch's last step lies on the end of the cycle, and its warm-up ends a step before 30 %
    scheduler = OneCycleLR(optimiser(0.3), 0.3, total_steps=steps, pct_start=31 / steps, cycle_momentum=False)
    assert [learning_rate(options, step / 10) for step in range(steps)] == pytest.approx(
        [*rates_of(scheduler, steps - 1), 0.3 / 25 * 1e-4], abs=1e-9
    )


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_plateau_is_that_of_torch(epochs: int) -> None:
    options = TrainingOptions(epochs=20, learning_rate=1.0, schedule="plateau", plateau_epochs=epochs, factor=0.1)
    scheduler = ReduceLROnPlateau(optimiser(1.0), factor=0.1, patience=epochs - 1, threshold=0.0, eps=0.0)
    for seen in range(1, len(LOSSES) + 1):
        scheduler.step(LOSSES[seen - 1])
        rate = float(scheduler.optimizer.param_groups[0]["lr"])
        assert learning_rate(options, seen, LOSSES[:seen]) == pytest.approx(rate)


def test_plateaus_are_counted_anew_after_each_fall() -> None:
    assert plateaus([], 1) == 0
    assert plateaus([1.0, 1.0, 1.0], 1) == 2
    assert plateaus([1.0, 1.0, 1.0], 2) == 1
    assert plateaus([3.0, 2.0, 1.0], 1) == 0


def test_constant_stays_and_all_schedules_stay_within_the_rate_given() -> None:
    for schedule in SCHEDULES:
        options = TrainingOptions(epochs=4, learning_rate=0.5, schedule=schedule)
        rates = [learning_rate(options, step / 10, LOSSES[: step // 10]) for step in range(40)]
        assert all(0 < rate <= 0.5 for rate in rates)
        assert (set(rates) == {0.5}) == (schedule in ("constant", "step"))  # step falls after ten epochs only
