// Types of find-python.mjs for src/executor.

export interface FoundPython {
  path: string;
  version: string;
  minor: number;
  tested: boolean;
}

export interface PythonFault {
  kind: "absent" | "unfit" | "busy";
  name: string;
  what: string;
  cause?: unknown;
}

export declare const testedMinors: readonly number[];
export declare const testedPythons: string;
export declare function choosePython(name?: string): Promise<{ python: FoundPython; fault?: undefined } | { python?: undefined; fault: PythonFault }>;
