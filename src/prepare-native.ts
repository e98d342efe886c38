// The first use of an installed package: there is no install script, so the command that first needs the native parts builds them.
// Called by src/cli only; openEngine() and openExecutor() never start a compiler, they name the command that does.

import { build } from "../scripts/build.mjs";
import { readBuildRecord } from "../scripts/native-location.mjs";
import { findTorch } from "../scripts/torch.mjs";
import { AzrError } from "./errors.ts";

/**
 * Builds the native parts when this machine has none; resolves at once when it has. A folder named by AZR_NATIVE_FOLDER is left alone.
 * LibTorch is found and never downloaded here: a download of this size is asked for by name.
 * @throws AzrError AZR_TORCH_NOT_FOUND (with the places that were looked at), AZR_TORCH_VERSION, AZR_ADDON_BUILD_FAILED
 */
export async function prepareNative(log: (line: string) => void): Promise<void> {
  if (process.env["AZR_NATIVE_FOLDER"] || readBuildRecord() !== undefined) return;
  const { torch, attempts } = await findTorch();
  if (torch === undefined) {
    throw new AzrError("AZR_TORCH_NOT_FOUND", "The native parts are not built yet, and no usable LibTorch was found to build them against.", {
      hint: "npx azr torch install",
      details: { attempts },
    });
  }
  log("The native parts are built once for this machine; that takes a few minutes.");
  await build({ log });
}
