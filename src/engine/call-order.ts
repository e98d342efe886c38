// The order of an engine's calls. Native code runs what it is given one by one, but some calls are several pieces of work with waiting between
// them (weights and moments, one shard after another): nothing that was called later may come between those. Used by open.ts.

export interface CallOrder {
  /**
   * Runs `work` once all that was entered before has its place in native code's queue. `whole`: what is entered later waits until it has ended;
   * otherwise only until it was begun.
   */
  enter<Result>(work: () => Promise<Result>, whole?: boolean): Promise<Result>;
}

export function callOrder(): CallOrder {
  // Fulfilled when the next may begin; undefined when it may at once.
  let last: Promise<void> | undefined;
  return {
    async enter(work, whole = false) {
      if (last === undefined && !whole) return work();
      const before = last;
      let pass = (): void => undefined;
      const own = new Promise<void>((resolve) => {
        pass = () => {
          if (last === own) last = undefined;
          resolve();
        };
      });
      last = own;
      await before;
      try {
        const running = work();
        if (!whole) pass();
        return await running;
      } finally {
        pass();
      }
    },
  };
}
