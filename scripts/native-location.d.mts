// Types of native-location.mjs for src/.

export interface BuildRecord {
  fingerprint: string;
  version: string;
  torch?: { root: string; lib: string; include: string; version: string; cuda: boolean };
  compiler: string;
  files: string[];
}

export declare const packageRoot: string;
export declare function isCheckout(): boolean;
export declare function azrHome(): string;
export declare function nativeSourcePaths(): string[];
export declare function nativeSourceHash(): string;
export declare function nativeFolder(): string;
export declare function readBuildRecord(folder?: string): BuildRecord | undefined;
