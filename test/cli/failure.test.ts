// Failures in words: what happened, why, what was tried, what to do, and where more is said.
import t from "tap";
import { describeFailure, failureJson, failureText } from "../../src/cli/failure.ts";
import { AzrError } from "../../src/errors.ts";
import { jsonLines } from "./harness.ts";

t.test("failures of every sort have their five parts", async (t) => {
  const attempts = [{ source: "LIBTORCH", result: "not set" }, { source: "python3", result: "has no torch" }];
  const nested = new AzrError("AZR_TORCH_NOT_FOUND", "No LibTorch was found.", {
    hint: "npx azr torch install",
    details: { attempts },
    cause: new Error("outer", { cause: new Error("inner") }),
  });
  const failure = describeFailure(nested);
  t.same(failure.why, ["outer", "inner"]);
  t.same(failure.tried, ["LIBTORCH: not set", "python3: has no torch"]);
  t.same(failure.more, ["npx azr doctor"]);
  t.equal(failure.exitCode, 3);
  t.equal(
    failureText(failure),
    [
      "AZR_TORCH_NOT_FOUND: No LibTorch was found.",
      "  why:   outer",
      "         inner",
      "  tried: 1. LIBTORCH: not set",
      "         2. python3: has no torch",
      "  do:    npx azr torch install",
      "  more:  npx azr doctor",
      "",
    ].join("\n"),
  );
  t.equal(jsonLines(failureJson(failure)).length, 1);
  const bug = describeFailure(new TypeError("x is not a function"));
  t.match(bug, { code: "AZR_INTERNAL", exitCode: 70, what: /x is not a function/, more: [/report/] });
  t.notMatch(failureText(bug), / at .*failure\.test/, "no stack");
  t.match(failureText(describeFailure(new TypeError("x is not a function"), { verbose: true })), /\n {2}stack: TypeError: x is not a function\n {9} +at .*failure\.test/, "unless it is asked for");
  t.equal(describeFailure(nested, { verbose: true }).stack?.length, 3, "one for each cause");
  t.match(describeFailure("just a text"), { code: "AZR_INTERNAL", what: "just a text" });
  // An error of another copy of the package, or of the plain-Node scripts, counts as ours.
  const foreign = Object.assign(new Error("no compiler"), { code: "AZR_ADDON_BUILD_FAILED", hint: "apt-get install g++", exitCode: 3, [Symbol.for("absolute-zero.error")]: true });
  t.match(describeFailure(foreign), { code: "AZR_ADDON_BUILD_FAILED", exitCode: 3, do: ["apt-get install g++"] });
});
