"""Advantages, weights and losses of each named algorithm for one small batch, from the papers' formulas: test/curriculum/fixtures/algorithms.json.

Only the standard library. Each algorithm is written out on its own, as its paper has it, with no part of the estimator of src/curriculum.
Run: python3 test/truth/make_algorithm_truth.py

The batch: one group of proposals (no two for the same prompt) and answers of one kind to three tasks, the last of them answered once. By hand, for a
few: the answers to task x earn 1, 1, -1/2, -1/2, so GRPO's mean is 1/4 and its deviation 3/4: advantages 1, 1, -1, -1; RLOO's baselines are 0, 0, 1/2, 1/2:
advantages 1, 1, -1, -1; Dr. GRPO's are 3/4, 3/4, -3/4, -3/4. TRR++ takes all seven answers: 1, 1, -1/2, -1/2, 1, 1, -1 have the mean 2/7.
"""
import json
import math
import pathlib

EPSILON = 1e-8
BETA = 0.1  # of the divergence, where it is on
LONGEST = 8  # tokens a completion may have
SEQUENCES = [
    # group, task, reward, log ratio of each token (now - old), log reference - log now of each token
    ("deduction/propose", None, 0.5, [0.0, 0.1], [0.2, -0.1]),
    ("deduction/propose", None, -1.0, [0.3], [0.4]),
    ("deduction/propose", None, 0.25, [-0.3, 0.0, 0.05], [0.0, 0.1, -0.2]),
    ("deduction/solve", "x", 1.0, [0.25, -0.05], [0.1, 0.1]),
    ("deduction/solve", "x", 1.0, [0.1, 0.2, 0.3, -0.4], [-0.3, 0.0, 0.2, 0.1]),
    ("deduction/solve", "x", -0.5, [0.5, -0.5], [0.3, -0.3]),
    ("deduction/solve", "x", -0.5, [-0.1, 0.0, 0.1], [0.0, 0.0, 0.0]),
    ("deduction/solve", "y", 1.0, [0.0], [0.5]),
    ("deduction/solve", "y", 1.0, [0.21, -0.3], [-0.5, 0.1]),
    ("deduction/solve", "z", -1.0, [-0.15, 0.4, 1.2], [0.2, 0.1, -0.6]),
]
N = len(SEQUENCES)
GROUP = [s[0] for s in SEQUENCES]
TASK = [s[1] for s in SEQUENCES]
R = [s[2] for s in SEQUENCES]
LENGTH = [len(s[3]) for s in SEQUENCES]


def mean(values):
    return math.fsum(values) / len(values)


def deviation(values, unbiased=False):
    centre = mean(values)
    return math.sqrt(math.fsum((v - centre) ** 2 for v in values) / (len(values) - unbiased) + EPSILON)


def spread(values):
    return max(values) > min(values)


def repeated(advantages):
    return [[a] * LENGTH[i] for i, a in enumerate(advantages)]


def in_group(i):
    return [j for j in range(N) if GROUP[j] == GROUP[i]]


def samples(i):
    """The samples of i's prompt. Where there is only one, its kind and role stand in: the rule of this package, no paper has it."""
    same = [j for j in range(N) if TASK[i] is not None and TASK[j] == TASK[i]]
    return same if len(same) > 1 else in_group(i)


def trr(penalties):  # arXiv 2505.03335, equation 8: r - mean over the task type and role, by their deviation
    del penalties
    return repeated([(R[i] - mean([R[j] for j in in_group(i)])) / deviation([R[j] for j in in_group(i)]) for i in range(N)])


def trr_token(penalties):  # the reference code: masked whitening over the response tokens of each batch of one type and role
    del penalties
    result = []
    for i in range(N):
        tokens = [R[j] for j in in_group(i) for _ in range(LENGTH[j])]
        result.append((R[i] - mean(tokens)) / deviation(tokens, unbiased=True))
    return repeated(result)


def reinforce_pp(penalties):  # arXiv 2501.03262: A_t = r - beta sum_{s >= t} KL(s), normalised over all tokens of the batch
    returns = [[R[i] - (math.fsum(penalties[i][t:]) if penalties else 0.0) for t in range(LENGTH[i])] for i in range(N)]
    tokens = [v for row in returns for v in row]
    return [[(v - mean(tokens)) / deviation(tokens, unbiased=True) for v in row] for row in returns]


def reinforce_pp_baseline(penalties):  # the same, with baseline: r - mean of the samples, then normalised over all tokens of the batch
    del penalties
    centred = [R[i] - mean([R[j] for j in samples(i)]) for i in range(N)]
    tokens = [centred[i] for i in range(N) for _ in range(LENGTH[i])]
    return repeated([(a - mean(tokens)) / deviation(tokens, unbiased=True) for a in centred])


def grpo(penalties):  # arXiv 2402.03300, section 4.1.2: (r - mean) / std over the samples
    del penalties
    result = []
    for i in range(N):
        own = [R[j] for j in samples(i)]
        result.append((R[i] - mean(own)) / deviation(own) if spread(own) else 0.0)
    return repeated(result)


def rloo(penalties):  # arXiv 2402.14740, section 3: r - mean of the other samples; the divergence is taken from r
    total = [R[i] - (math.fsum(penalties[i]) if penalties else 0.0) for i in range(N)]
    result = []
    for i in range(N):
        own = samples(i)
        alone = own == in_group(i)
        others = [total[j] for j in own if alone or j != i]
        if not spread([total[j] for j in own]):
            result.append([0.0] * LENGTH[i])
            continue
        # Of each token only the divergence from it on, which the rule of this package is for all algorithms with the divergence in the reward.
        later = [R[i] - (math.fsum(penalties[i][t:]) if penalties else 0.0) for t in range(LENGTH[i])]
        result.append([value - mean(others) for value in later])
    return result


def dr_grpo(penalties):  # arXiv 2503.20783, section 3.2: r - mean over the samples
    del penalties
    return repeated([R[i] - mean([R[j] for j in samples(i)]) for i in range(N)])


def by_sequence(i):
    return 1 / (N * LENGTH[i])


def by_token(i):
    del i
    return 1 / sum(LENGTH)


def by_constant(i):
    del i
    return 1 / (N * LONGEST)


def by_sum(i):
    del i
    return 1 / N


K = {"k1": lambda d: -d, "k2": lambda d: d * d / 2, "k3": lambda d: math.exp(d) - 1 - d}
#                         advantage              weight       1 - low, 1 + high  divergence, in the reward
ALGORITHMS = {
    "trr++": (trr, by_sequence, 0.8, 1.2, "k3", False),
    "trr++-token": (trr_token, by_token, 0.8, 1.2, "k3", False),
    "reinforce++": (reinforce_pp, by_sequence, 0.8, 1.2, "k1", True),
    "reinforce++-baseline": (reinforce_pp_baseline, by_sequence, 0.8, 1.2, "k2", False),
    "grpo": (grpo, by_sequence, 0.8, 1.2, "k3", False),
    "rloo": (rloo, by_sum, 0.0, math.inf, "k1", True),
    "dr-grpo": (dr_grpo, by_constant, 0.8, 1.2, "k3", False),
    "dapo": (grpo, by_token, 0.8, 1.28, "k3", False),
}


def loss_of(advantages, weight, low, high, kl):
    total = 0.0
    for i, (_, _, _, ratios, gaps) in enumerate(SEQUENCES):
        for t, log_ratio in enumerate(ratios):
            ratio = math.exp(log_ratio)
            surrogate = min(ratio * advantages[i][t], max(low, min(high, ratio)) * advantages[i][t])
            total += weight(i) * (-surrogate + (BETA * K[kl](gaps[t]) if kl else 0.0))
    return total


def main():
    result = {}
    for name, (estimate, weight, low, high, kl, in_reward) in ALGORITHMS.items():
        # When it was sampled a token had the old probability: log reference - log old.
        penalties = [[BETA * K[kl](g + r) for r, g in zip(s[3], s[4])] for s in SEQUENCES]
        with_kl = estimate(penalties if in_reward else None)
        plain = estimate(None)
        result[name] = {
            "advantages": plain,
            "weights": [weight(i) for i in range(N)],
            "loss": loss_of(plain, weight, low, high, None),
            "withKl": {"advantages": with_kl, "loss": loss_of(with_kl, weight, low, high, None if in_reward else kl)},
        }
    keys = ("group", "task", "reward", "logRatios", "referenceGaps")
    data = {"klCoefficient": BETA, "longest": LONGEST, "sequences": [dict(zip(keys, s)) for s in SEQUENCES], "algorithms": result}
    path = pathlib.Path(__file__).parents[1] / "curriculum" / "fixtures" / "algorithms.json"
    path.write_text(json.dumps(data, indent=1) + "\n")
    print(f"{len(result)} algorithms -> {path}")


main()
