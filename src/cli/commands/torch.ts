// `azr torch install`: fetches LibTorch into the cache.

import { Command } from "commander";
import { findTorch, installTorch, torchSizes, torchVersion } from "../../../scripts/torch.mjs";
import { AzrError } from "../../errors.ts";
import { print, printJson, say } from "../context.ts";
import type { CliContext } from "../context.ts";
import { jsonOption } from "../options.ts";

interface InstallOptions {
  yes?: boolean;
  force?: boolean;
  json?: boolean;
}

export function torchCommand(context: CliContext): Command {
  const install = new Command("install")
    .description("Download LibTorch with pip (your own index, proxy and hash rules apply) and keep its CPU part in the cache.")
    .option("-y, --yes", "do not ask")
    .option("--force", "fetch it even when one is found")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr torch install --yes")
    .action((options: InstallOptions) => installAction(context, options));
  return new Command("torch").description("Find or fetch LibTorch, the library that the engine is built on.").addCommand(install);
}

async function installAction(context: CliContext, { yes, force, json }: InstallOptions): Promise<void> {
  const answer = async (root: string, version: string, installed: boolean): Promise<void> => {
    if (json === true) await printJson(context, { type: "torch", root, version, installed });
    else await print(context, root);
  };
  const { torch } = await findTorch();
  if (torch !== undefined && force !== true) {
    if (json !== true) say(context, `LibTorch ${torch.version} is here already; --force fetches ${torchVersion} anew.`);
    return answer(torch.root, torch.version, false);
  }
  const { downloadBytes, diskBytes } = torchSizes;
  const size = `LibTorch ${torchVersion}: a download of ${megabytes(downloadBytes)}, ${megabytes(diskBytes)} on disk`;
  if (yes !== true) {
    if (context.ask === undefined || json === true) {
      throw new AzrError("AZR_INPUT_INVALID", `${size}. Nobody is here to agree to that.`, { hint: "npx azr torch install --yes" });
    }
    const reply = await context.ask(`${size}. Go on? [y/N] `);
    if (!/^y(es)?$/i.test(reply.trim())) throw new AzrError("AZR_ABORTED", "Nothing was downloaded.", { hint: "npx azr torch install --yes" });
  }
  const installed = await installTorch({ force: force === true, ...(json === true ? {} : { log: (line: string) => say(context, line) }) });
  return answer(installed.root, installed.version, true);
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
