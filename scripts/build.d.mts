// Types of build.mjs for src/.

import type { BuildRecord } from "./native-location.mjs";

export interface BuildOptions {
  tests?: boolean;
  asan?: boolean;
  portable?: boolean;
  jobs?: number;
  target?: string;
  force?: boolean;
  verbose?: boolean;
  log?: (line: string) => void;
}
export interface BuildResult {
  folder: string;
  testFolder: string;
  record: BuildRecord;
  built: boolean;
}

export declare function build(options?: BuildOptions): Promise<BuildResult>;
export declare function buildStatus(
  options?: BuildOptions,
): Promise<{ upToDate: boolean; folder: string; record: BuildRecord | undefined }>;
