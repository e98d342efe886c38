// Types of torch.mjs for src/.

export interface Torch {
  root: string;
  lib: string;
  include: string;
  version: string;
  cuda: boolean;
}
export interface TorchAttempt {
  source: string;
  result: string;
}
export interface FindResult {
  torch: Torch | undefined;
  source: string | undefined;
  attempts: TorchAttempt[];
}

export declare const torchVersion: string;
export declare const torchSizes: { downloadBytes: number; diskBytes: number; temporaryBytes: number };
export declare function cachedTorchFolder(): string;
export declare function describeTorch(
  root: string,
  folders?: { lib?: string; include?: string },
): { torch?: Torch; problem?: string; version?: string };
export declare function findTorch(options?: { explicit?: string }): Promise<FindResult>;
export declare function locateTorch(options?: { explicit?: string }): Promise<Torch>;
export declare function ensureTorch(options?: { explicit?: string; log?: (line: string) => void }): Promise<Torch>;
export declare function installTorch(options?: { log?: (line: string) => void; force?: boolean }): Promise<Torch>;
