"""`python -m optcourse.experiments.reinforcement`: trains the policies that ship."""

import json

import torch

from optcourse.experiments import versions
from optcourse.experiments.reinforcement.checkpoints import FOLDER, INDEX, chosen, store, train_anew
from optcourse.lab.code_hash import code_hash

COMMAND = "python -m optcourse.experiments.reinforcement"


def main() -> None:
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    looks = train_anew()
    numbers = chosen([look.evaluation for look in looks])
    files = [store(looks[number].step, looks[number].network) for number in numbers]
    head = {"command": COMMAND, "versions": versions(), "data": "CartPole-v1", "code": code_hash(store.__module__)}
    INDEX.write_text(json.dumps(head | {"files": files}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
