// Types of toolchain.mjs for src/inspect.

export interface ToolCheck {
  tool: string;
  version?: string;
  problem?: string;
  fix?: string;
  /** Keys for installLine(), when something is to be installed. */
  missing?: string[];
}

export declare function packageManager(osRelease: string): string;
export declare function installLine(tools: string[], options?: { osRelease?: string; root?: boolean }): string;
export declare function checkBuildTools(): Promise<ToolCheck[]>;
export declare function checkPython(): Promise<ToolCheck[]>;
export declare function checkNode(version?: string): ToolCheck;
