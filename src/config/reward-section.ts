// The settings of rewards: what a share of right answers is worth to the task's proposer, and what may be added for the task itself.
// The fixed rewards are a table (../curriculum/reward.ts), whose column is `curriculum.fidelity`. Put together by schema.ts.
import * as z from "zod";

export const learnabilityNames = ["one-minus", "variance", "inverse", "mixed"] as const;
export const combinationNames = ["sum", "multiply", "sum-multiply", "multiply-sum"] as const;

const term = (what: string) =>
  z
    .strictObject({
      coefficient: z.number().min(0).default(0).meta({ description: "What the measure is multiplied by; 0 = it earns nothing" }),
      log: z.boolean().default(false).meta({ description: "Measure and log it although it earns nothing" }),
      max: z.number().min(0).default(0.5).meta({ description: "Most that the term is worth, after the multiplication" }),
    })
    .prefault({})
    .meta({ description: what });

const intrinsic = z.strictObject({
  complexity: term("Cognitive complexity of the program, as complexipy counts it, divided by 15; not for induction, whose programs are known"),
  editDistance: term("How far the program's syntax tree is from those of the tasks that the prompt showed: mean of 1 - difflib's ratio; not for induction"),
  halstead: term("Halstead effort and volume and the largest cyclomatic complexity of the program, as radon counts them: 0.5 min(effort / 10000, 1) + 0.3 min(complexity / 10, 1) + 0.2 min(volume / 500, 1); not for induction"),
  answerDiversity: term("How rare the value that the solver has to find is among the buffers' tasks: 1 - its share; not for induction"),
  inputDiversity: term("The same of an induction task's inputs: the mean over them"),
  outputDiversity: term("The same of its outputs"),
  hierarchical: z.boolean().default(false).meta({ description: "Diversities are the mean of two shares: that of the value's type among all, and that of the value within its type" }),
  combine: z
    .enum(combinationNames)
    .default("sum")
    .meta({ description: "How the terms t that earn something and the learnability r make the reward: r + sum(t), r product(t), r + product(t), r sum(t)" }),
});

export const reward = z.strictObject({
  learnability: z
    .enum(learnabilityNames)
    .default("one-minus")
    .meta({
      description:
        "What a task of which a share s is solved earns its proposer: 1 - s; s (1 - s); 1 - s even where nobody solves it; or 1. Where everybody solves it, and but for `inverse` where nobody does, it earns the table's row for extremes",
    }),
  intrinsic: intrinsic
    .prefault({})
    .meta({ description: "What a proposal whose task can be learnt from earns beside (docs/fidelity.md), and what is logged; measured in one locked child a step and kind" }),
  shuffle: z
    .boolean()
    .default(false)
    .meta({ description: "Control experiment: permute rewards inside each group, which detaches them from the samples" }),
  overlong: z
    .strictObject({
      tokens: z.int().min(0).default(0).meta({ description: "Last tokens before generation.maxTokens over which the penalty grows from nothing; 0 = off" }),
      penalty: z.number().min(0).default(1).meta({ description: "Taken from the reward of a completion that reaches generation.maxTokens" }),
    })
    .prefault({})
    .meta({ description: "Soft penalty on length (DAPO, arXiv 2503.14476, equation 13)" }),
});
