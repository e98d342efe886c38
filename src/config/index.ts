// What `absolute-zero/config` exports: enough to write and check a configuration without loading the rest of the package.
export { configKeys } from "./suggest.ts";
export { configFileNames, defineConfig, loadConfig } from "./load.ts";
export type { ConfigContext, ConfigDefinition, LoadConfigOptions } from "./load.ts";
export { algorithmNames, algorithms } from "./algorithms.ts";
export type { AlgorithmName } from "./algorithms.ts";
export { presets } from "./presets.ts";
export { configHash, environmentKeys, incompatibleSettings, mayChange, resolveConfig } from "./resolve.ts";
export type { ConfigSources, ResolvedConfig } from "./resolve.ts";
export { presetNames, readPreset, recipeNames, recipeOfSize, sizeNames } from "./preset-names.ts";
export type { Preset, PresetName, PresetParts, RecipeName, SizeName } from "./preset-names.ts";
export { configJsonSchema, configSchema } from "./schema.ts";
export type { Config, ConfigInput } from "./schema.ts";
