// Types of setup-steps.mjs for test/.

export declare function packagesUpToDate(root?: string): boolean;
export declare function installPackages(log: (line: string) => void): Promise<void>;
export declare function buildTypescript(log: (line: string) => void): Promise<void>;
