// Types of tap-output.mjs and gtest-output.mjs for test/.

export interface SuiteResult {
  passed: number;
  failed: number;
  skipped: number;
  skips: string[];
  failures: string[];
}

export declare function readTap(text: string): SuiteResult & { planned: boolean };
