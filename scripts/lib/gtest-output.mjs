// Reads the JSON report that a GoogleTest binary writes with --gtest_output=json:FILE.

/** The same shape as readTap gives: {passed, failed, skipped, skips, failures}. */
export function readGoogleTest(report) {
  const result = { passed: 0, failed: 0, skipped: 0, skips: [], failures: [] };
  for (const suite of report.testsuites ?? []) {
    for (const test of suite.testsuite ?? []) {
      const name = `${suite.name}.${test.name}`;
      if (test.failures?.length > 0) {
        result.failed++;
        result.failures.push([name, ...test.failures.map((failure) => failure.failure)].join("\n"));
      } else if (test.result === "SKIPPED") {
        result.skipped++;
        result.skips.push(`${name}: ${test.skipped?.map((skip) => skip.message).join(" ").trim() || "see its output"}`);
      } else if (test.status !== "NOTRUN") {
        result.passed++;
      }
    }
  }
  return result;
}
