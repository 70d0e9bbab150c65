"""Reinforcement learning: what an action is worth, learned from what came of it, and policies that learn directly.

Chain, chain_values, q_learning            a table, on a corridor whose best values are known in closed form
DQNConfig, dqn, td_target, td_loss         deep Q-learning; deep_q_learning.py reads from top to bottom
q_network, Dueling                        networks that give one value for each action
ReplayBuffer, PrioritizedReplay, NStep     what is remembered, how often it comes back, how far rewards reach
Interaction                                vector environments: the step after an end is no transition
policy_gradient, PolicyConfig             REINFORCE, actor-critic, PPO; policy_gradients.py reads from top to bottom
policy_loss, clipped_loss                 what they minimize
gae, returns_to_go                        how much better a move was than expected
greedy_returns, keep_best                  what a policy is worth on fresh episodes, and the best one kept
one_sample                                 the contrast: no replay, no target network
"""

from optcourse.reinforcement.advantages import gae, gae_reference, returns_to_go, returns_to_go_reference
from optcourse.reinforcement.chain import LEFT, RIGHT, Chain, chain_values
from optcourse.reinforcement.checkpoint import BestRun, keep_best
from optcourse.reinforcement.deep_q_learning import (
    DQNConfig,
    DQNRecord,
    dqn,
    epsilon_greedy,
    td_loss,
    td_target,
    update_target_,
)
from optcourse.reinforcement.evaluation import action_values, greedy_returns
from optcourse.reinforcement.interaction import Interaction, vector_environment
from optcourse.reinforcement.n_step import NStep
from optcourse.reinforcement.naive import one_sample
from optcourse.reinforcement.networks import Dueling, q_network
from optcourse.reinforcement.policy_gradients import PolicyConfig, PolicyRecord, actor_critic, policy_gradient
from optcourse.reinforcement.policy_losses import (
    clipped_loss,
    log_probability,
    policy_entropy,
    policy_loss,
    value_loss,
)
from optcourse.reinforcement.prioritized import (
    PrioritizedReplay,
    SumTree,
    importance_weight,
    proportional_reference,
)
from optcourse.reinforcement.replay import ReplayBuffer
from optcourse.reinforcement.rollouts import Rollout, collect, whole_episodes
from optcourse.reinforcement.tabular import QLearningRecord, q_learning, q_learning_reference
from optcourse.reinforcement.transitions import Batch, Steps, Transitions

__all__ = [
    "LEFT",
    "RIGHT",
    "Batch",
    "BestRun",
    "Chain",
    "DQNConfig",
    "DQNRecord",
    "Dueling",
    "Interaction",
    "NStep",
    "PolicyConfig",
    "PolicyRecord",
    "PrioritizedReplay",
    "QLearningRecord",
    "ReplayBuffer",
    "Rollout",
    "Steps",
    "SumTree",
    "Transitions",
    "action_values",
    "actor_critic",
    "chain_values",
    "clipped_loss",
    "collect",
    "dqn",
    "epsilon_greedy",
    "gae",
    "gae_reference",
    "greedy_returns",
    "importance_weight",
    "keep_best",
    "log_probability",
    "one_sample",
    "policy_entropy",
    "policy_gradient",
    "policy_loss",
    "proportional_reference",
    "q_learning",
    "q_learning_reference",
    "q_network",
    "returns_to_go",
    "returns_to_go_reference",
    "td_loss",
    "td_target",
    "update_target_",
    "value_loss",
    "vector_environment",
    "whole_episodes",
]
