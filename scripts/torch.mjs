// LibTorch, found or fetched. Library for build.mjs, bootstrap.mjs, `azr torch install` and `azr doctor`; run directly:
//   node scripts/torch.mjs locate [--json | --cmake]     where the usable LibTorch is
//   node scripts/torch.mjs install [--force]             fetch it into the cache
// The search is in lib/torch-find.mjs, the fetch in lib/torch-fetch.mjs.

import { pathToFileURL } from "node:url";
import { reportError, scriptError } from "./lib/script-error.mjs";
import { installTorch, torchSizes } from "./lib/torch-fetch.mjs";
import { cachedTorchFolder, describeTorch, findTorch, torchVersion } from "./lib/torch-find.mjs";

export { cachedTorchFolder, describeTorch, findTorch, installTorch, torchSizes, torchVersion };

/** The LibTorch to use. Errors: AZR_TORCH_NOT_FOUND (with all attempts), AZR_TORCH_VERSION. */
export async function locateTorch(options) {
  const { torch, attempts } = await findTorch(options);
  if (torch) return torch;
  throw scriptError("AZR_TORCH_NOT_FOUND", "No usable LibTorch was found.", {
    hint: "npx azr torch install (in a checkout: node scripts/torch.mjs install)",
    details: { attempts },
  });
}

/** The LibTorch to use, fetched first when there is none. */
export async function ensureTorch({ explicit, log } = {}) {
  const { torch } = await findTorch({ explicit });
  return torch ?? installTorch({ log });
}

async function main([command, ...flags]) {
  if (command === "install") {
    const torch = await installTorch({ force: flags.includes("--force") });
    process.stdout.write(`LibTorch ${torch.version} is at ${torch.root}\n`);
  } else if (command === "locate") {
    const torch = await locateTorch();
    if (flags.includes("--json")) process.stdout.write(`${JSON.stringify(torch)}\n`);
    else if (flags.includes("--cmake")) process.stdout.write(`${torch.lib};${torch.include}\n`);
    else process.stdout.write(`LibTorch ${torch.version} is at ${torch.root}\n`);
  } else {
    process.stderr.write("usage: node scripts/torch.mjs locate [--json | --cmake] | install [--force]\n");
    process.exitCode = 2;
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main(process.argv.slice(2)).catch(reportError); // no top-level await: the package can be require()d
}
