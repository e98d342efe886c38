// Types of gtest-output.mjs for test/.

import type { SuiteResult } from "./tap-output.mjs";

export declare function readGoogleTest(report: unknown): SuiteResult;
