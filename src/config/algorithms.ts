// Named training algorithms: what each says about the four choices of `update` (advantage, clip, aggregation, kl), so that a name means a paper and
// every choice can be set beside it. docs/algorithms.md has the table; ../curriculum/advantage.ts and update-batch.ts do what they say.
import type { ConfigInput } from "./schema.ts";

export const algorithmNames = ["trr++", "trr++-token", "reinforce++", "reinforce++-baseline", "grpo", "rloo", "dr-grpo", "dapo"] as const;
export type AlgorithmName = (typeof algorithmNames)[number];

type Update = NonNullable<ConfigInput["update"]>;
/** All of the four choices but how strong the divergence's term is: it needs a second model, so it is on only when asked for. */
type Choices = Required<Pick<Update, "advantage" | "clip" | "aggregation" | "aggregationLength" | "kl">>;

const clip = { low: 0.2, high: 0.2, dual: 0 };
const perGroup = { scope: "group", baseline: "mean", scale: "group", whiten: "none", weights: "sequence" } as const;
const perTask = { scope: "task", baseline: "mean", scale: "task", whiten: "none", weights: "sequence" } as const;
const k3 = { estimator: "k3", in: "loss" } as const;

export const algorithms: Record<AlgorithmName, Choices> = {
  // Zhao et al. 2025, arXiv 2505.03335, equations 8 and 9.
  "trr++": { advantage: perGroup, clip, aggregation: "sequence", aggregationLength: 0, kl: k3 },
  // The authors' code (branch `paper`): every mean is taken over tokens.
  "trr++-token": { advantage: { ...perGroup, weights: "token" }, clip, aggregation: "token", aggregationLength: 0, kl: k3 },
  // Hu et al. 2025, arXiv 2501.03262: the reward less the divergence of the tokens to come, normalised over the whole batch.
  "reinforce++": {
    advantage: { scope: "batch", baseline: "mean", scale: "batch", whiten: "none", weights: "token" },
    clip,
    aggregation: "sequence",
    aggregationLength: 0,
    kl: { estimator: "k1", in: "reward" },
  },
  // The same, "w/ baseline": first less the mean of the task's samples, then whitened over the batch; the divergence is k2 in the loss.
  "reinforce++-baseline": {
    advantage: { scope: "task", baseline: "mean", scale: "none", whiten: "batch", weights: "token" },
    clip,
    aggregation: "sequence",
    aggregationLength: 0,
    kl: { estimator: "k2", in: "loss" },
  },
  // Shao et al. 2024, arXiv 2402.03300, equations 3 and 4 and section 4.1.2.
  grpo: { advantage: perTask, clip, aggregation: "sequence", aggregationLength: 0, kl: k3 },
  // Ahmadian et al. 2024, arXiv 2402.14740, section 3: REINFORCE on whole sequences, so neither bounds nor a mean over tokens; the divergence is in the reward.
  rloo: {
    advantage: { scope: "task", baseline: "leave-one-out", scale: "none", whiten: "none", weights: "sequence" },
    clip: { low: 1, high: 1e6, dual: 0 },
    aggregation: "constant",
    aggregationLength: 1,
    kl: { estimator: "k1", in: "reward" },
  },
  // Liu et al. 2025, arXiv 2503.20783, section 3.2: GRPO without what divides by a deviation and by a length.
  "dr-grpo": { advantage: { ...perTask, scale: "none" }, clip, aggregation: "constant", aggregationLength: 0, kl: k3 },
  // Yu et al. 2025, arXiv 2503.14476, equation 8. Its dynamic sampling and overlong shaping are settings of their own.
  dapo: { advantage: perTask, clip: { low: 0.2, high: 0.28, dual: 0 }, aggregation: "token", aggregationLength: 0, kl: k3 },
};
