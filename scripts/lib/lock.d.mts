// Types of lock.mjs for test/.

export declare function withLock<T>(key: string, work: () => T | Promise<T>, options?: { onWait?: () => void }): Promise<T>;
