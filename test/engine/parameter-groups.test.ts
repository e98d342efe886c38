// Groups of parameters: what each parameter is stepped with, what is refused, and a real step in which each group does as it should.
import { join } from "node:path";
import t from "tap";
import type { ParameterGroup } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/open.ts";
import { resolveGroups } from "../../src/engine/parameter-groups.ts";
import { readSafetensors } from "./support/read-safetensors.ts";
import { model, optimizer, policyRequest, rejects } from "./support/tiny-model.ts";

const names = ["model.embed_tokens.weight", "model.layers.0.input_layernorm.weight", "model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.q_proj.bias"];

t.test("which group a parameter has", async (t) => {
  const of = (groups: ParameterGroup[]) => {
    const { learningRateScales, weightDecays } = resolveGroups({ groups, weightDecay: 0.5 }, names)!;
    return names.map((_, at) => [learningRateScales[at], weightDecays[at]]);
  };
  t.equal(resolveGroups({ weightDecay: 0.5 }, names), undefined);
  t.equal(resolveGroups({ groups: [], weightDecay: 0.5 }, names), undefined);
  t.same(of([{ match: "norm|bias$", weightDecay: 0 }]), [[1, 0.5], [1, 0], [1, 0.5], [1, 0]]);
  t.same(of([{ match: "q_proj", learningRateScale: 2 }, { match: "bias", weightDecay: 0 }]), [[1, 0.5], [1, 0.5], [2, 0.5], [2, 0.5]], "the first that matches");
  t.throws(() => of([{ match: "lm_head" }]), { code: "AZR_INPUT_INVALID", message: /No parameter's name has the pattern lm_head/ });
  t.throws(() => of([{ match: "(" }]), { code: "AZR_INPUT_INVALID", message: /no regular expression/ });
  t.throws(() => of([{ match: "" }]), { code: "AZR_INPUT_INVALID" });
  t.throws(() => of([{ match: "norm", learningRateScale: -1 }]), { code: "AZR_INPUT_INVALID", message: /learningRateScale of the group norm/ });
});

t.test("a step", async (t) => {
  const folder = t.testdir({ plain: {}, grouped: {}, before: {} });
  const after = async (name: string, groups: ParameterGroup[]) => {
    await using engine = await openEngine({ model, threads: 1 });
    const request = await policyRequest(engine);
    await engine.update({ ...request, optimizer: { ...optimizer, weightDecay: 0.1, groups } });
    await engine.saveModel(join(folder, name));
    return readSafetensors(join(folder, name, "model.safetensors"));
  };
  await using untouched = await openEngine({ model, threads: 1 });
  await untouched.saveModel(join(folder, "before"));
  const before = readSafetensors(join(folder, "before", "model.safetensors"));
  const plain = await after("plain", []);
  const grouped = await after("grouped", [{ match: "embed_tokens", learningRateScale: 0 }, { match: "norm", weightDecay: 0 }, { match: "q_proj", learningRateScale: 0.5 }]);
  for (const [name, values] of Object.entries(grouped)) {
    const [old, stepped] = [before[name]!, plain[name]!];
    const close = (expected: (at: number) => number) => values.every((value, at) => Math.abs(value - expected(at)) < 1e-6);
    if (name.includes("embed_tokens")) t.same(values, old, `${name} stays`);
    else if (name.includes("norm")) t.ok(close((at) => stepped[at]! + optimizer.learningRate * 0.1 * old[at]!), `${name} is not decayed`);
    else if (name.includes("q_proj")) t.ok(close((at) => (stepped[at]! + old[at]!) / 2), `${name} goes half as far`);
    else t.same(values, stepped, `${name} as without groups`);
  }
  await using engine = await openEngine({ model, threads: 1 });
  const request = await policyRequest(engine);
  await rejects(t, () => engine.update({ ...request, optimizer: { ...optimizer, groups: [{ match: "nothing" }] } }), "AZR_INPUT_INVALID", /nothing/);
});
