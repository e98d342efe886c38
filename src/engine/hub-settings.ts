// Where the hub is, where its files are kept and with which token it is asked: the environment variables and places that all
// tools of Hugging Face share, so that a model fetched by one of them is there for the others. Used by hub-model.ts.
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { AzrError } from "../errors.ts";

export type Environment = Record<string, string | undefined>;

export interface HubSettings {
  /** Without a slash at its end. */
  endpoint: string;
  /** Folder with one folder a repository. */
  cache: string;
  token: string | undefined;
  /** Where the token was found, for messages. */
  tokenFrom: string | undefined;
  /** Nothing may be asked over the network. */
  offline: boolean;
}

const isTrue = (value: string | undefined): boolean => /^(1|on|yes|true)$/i.test(value ?? "");

/** Reads the variables. Throws AZR_INPUT_INVALID for an HF_ENDPOINT that is no web address. */
export function hubSettings(env: Environment = process.env): HubSettings {
  const home = env["HOME"] || homedir();
  const folder = (text: string): string => text.replace(/^~(?=\/|$)/, home);
  const root = folder(env["HF_HOME"] || join(env["XDG_CACHE_HOME"] || join(home, ".cache"), "huggingface"));
  const cache = folder(env["HF_HUB_CACHE"] || env["HUGGINGFACE_HUB_CACHE"] || join(root, "hub"));
  const endpoint = (env["HF_ENDPOINT"] || "https://huggingface.co").replace(/\/+$/, "");
  if (!/^https?:$/.test(protocolOf(endpoint))) {
    throw new AzrError("AZR_INPUT_INVALID", `HF_ENDPOINT is ${JSON.stringify(endpoint)}, which is not a web address.`, { hint: "Unset it, or set it to an address such as https://huggingface.co." });
  }
  const path = folder(env["HF_TOKEN_PATH"] || join(root, "token"));
  const [token, tokenFrom] = findToken(env, path);
  return { endpoint, cache, token, tokenFrom, offline: isTrue(env["HF_HUB_OFFLINE"] || env["TRANSFORMERS_OFFLINE"]) };
}

function protocolOf(address: string): string {
  return URL.canParse(address) ? new URL(address).protocol : "";
}

function findToken(env: Environment, path: string): [token: string | undefined, from: string | undefined] {
  for (const name of ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]) {
    const token = env[name]?.trim();
    if (token) return [token, name];
  }
  if (isTrue(env["HF_HUB_DISABLE_IMPLICIT_TOKEN"])) return [undefined, undefined];
  try {
    const token = readFileSync(path, "utf8").trim();
    return token === "" ? [undefined, undefined] : [token, path];
  } catch {
    return [undefined, undefined];
  }
}
