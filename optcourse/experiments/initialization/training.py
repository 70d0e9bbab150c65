"""Deep nets trained from different starts, on digits."""

from functools import cache

from torch import nn

from optcourse.experiments.initialization.nets import deep_net, residual_net
from optcourse.lab.claims import Claim, at_least, within
from optcourse.lab.data import Data, load
from optcourse.lab.records import Run
from optcourse.lab.train import run
from optcourse.optimizers import Adam, Momentum

STEPS = 200
BATCH = 100


@cache
def digits() -> Data:
    """The digits, standardized."""
    return load("digits", device="cpu").standardize()


def trained(network: nn.Module, optimizer: str, lr: float, seed: int, **config: object) -> Run:
    """Train `network` for `STEPS` batches of `BATCH` digits, by Adam or by momentum 0.9."""
    parameters = network.parameters()
    chosen = Adam(parameters, lr=lr) if optimizer == "adam" else Momentum(parameters, lr=lr, momentum=0.9)
    settings = {"optimizer": optimizer, "lr": lr, "seed": seed, **config}
    return run(network, digits(), chosen, seed=seed, config=settings, steps=STEPS, batch_size=BATCH, record_every=10)


@cache
def deep_run(scheme: str, depth: int, seed: int, *, optimizer: str = "momentum", lr: float = 0.003) -> Run:
    """A plain ReLU net of `depth` layers of width 100, trained."""
    network = deep_net(seed, depth=depth, scheme=scheme, inputs=64, outputs=10)
    return trained(network, optimizer, lr, seed, scheme=scheme, depth=depth)


@cache
def residual_run(zero: bool, seed: int, *, lr: float = 0.01) -> Run:
    """A residual net of 15 blocks of width 100, trained by momentum."""
    network = residual_net(seed, blocks=15, inputs=64, outputs=10, zero=zero)
    return trained(network, "momentum", lr, seed, scheme="zero" if zero else "he_normal")


def accuracy(one: Run) -> float:
    """Final test accuracy in percent; guessing, 10, for a run that diverged."""
    return 10.0 if one.diverged else 100 * one.final()


def he_30(seed: int) -> float:
    """Accuracy of a 30-layer net from He's weights."""
    return accuracy(deep_run("he_normal", 30, seed))


def xavier_30_loss(seed: int) -> float:
    """Test loss of the same net from Xavier's weights."""
    return deep_run("xavier_normal", 30, seed).final("test_loss")


def lead_22(seed: int) -> float:
    """He minus Xavier at 22 layers with lr 0.01, in points of accuracy."""
    he, xavier = (deep_run(scheme, 22, seed, lr=0.01) for scheme in ("he_normal", "xavier_normal"))
    return accuracy(he) - accuracy(xavier)


def he_50(seed: int) -> float:
    """Accuracy of a 50-layer net from He's weights under Adam with lr 0.0003."""
    return accuracy(deep_run("he_normal", 50, seed, optimizer="adam", lr=0.0003))


def xavier_50_loss(seed: int) -> float:
    """Test loss of the same net from Xavier's weights."""
    return deep_run("xavier_normal", 50, seed, optimizer="adam", lr=0.0003).final("test_loss")


def adam_22(seed: int) -> float:
    """Accuracy of a 22-layer net from Xavier's weights under Adam with lr 0.001."""
    return accuracy(deep_run("xavier_normal", 22, seed, optimizer="adam", lr=0.001))


def zero_lead(seed: int) -> float:
    """Residual net with zeroed branches minus the same with He's weights throughout, in points of accuracy."""
    return accuracy(residual_run(True, seed)) - accuracy(residual_run(False, seed))


CLAIMS = (
    Claim(
        "initialization.he_30",
        "From He's weights a plain ReLU net of 30 layers trains.",
        at_least(40),
        he_30,
        unit="% test accuracy",
        paper="converges (He et al. 2015, figure 3)",
        kind="recorded",
        tolerance=20.0,
        data="digits",
    ),
    Claim(
        "initialization.xavier_30_loss",
        "From Xavier's weights it stalls: its loss stays at ln 10 = 2.303, where guessing is.",
        within(2.2, 2.4),
        xavier_30_loss,
        unit="nats of test loss",
        paper="stalls (He et al. 2015, figure 3)",
        kind="recorded",
        tolerance=0.05,
        digits=4,
        data="digits",
    ),
    Claim(
        "initialization.lead_22",
        "At 22 layers, with the same rate and as many steps, He's weights are ahead of Xavier's.",
        at_least(0),
        lead_22,
        unit="points of accuracy",
        paper="reduces the error much earlier; both converge in the end (He et al. 2015, figure 2)",
        kind="recorded",
        tolerance=20.0,
        expected="undecided",
        reason="nearly every seed leads by far, but not all: it is the rule and no law",
        data="digits",
    ),
    Claim(
        "initialization.adam_22",
        "Adam hides the mistake at 22 layers: it divides by the size of the gradients, and Xavier's weights train.",
        at_least(20),
        adam_22,
        unit="% test accuracy",
        kind="recorded",
        tolerance=20.0,
        data="digits",
    ),
    Claim(
        "initialization.he_50",
        "A net of 50 layers still trains from He's weights, under Adam.",
        at_least(40),
        he_50,
        unit="% test accuracy",
        kind="recorded",
        tolerance=20.0,
        data="digits",
    ),
    Claim(
        "initialization.xavier_50_loss",
        "From Xavier's weights it does not, under Adam either: its loss stays at ln 10.",
        within(2.2, 2.4),
        xavier_50_loss,
        unit="nats of test loss",
        kind="recorded",
        tolerance=0.05,
        digits=4,
        data="digits",
    ),
    Claim(
        "initialization.zero_lead",
        "A residual net of 15 blocks trains when every block starts as the identity, at a rate at which the same net "
        "with He's weights throughout does not.",
        at_least(40),
        zero_lead,
        unit="points of accuracy",
        paper="improves accuracy in every case (Goyal et al. 2017, section 5.1, recalled)",
        kind="recorded",
        tolerance=20.0,
        data="digits",
    ),
)
