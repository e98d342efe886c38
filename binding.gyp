# Delegates to scripts/build.mjs, so that node-gyp, `npm rebuild` in a checkout and Electron's rebuild tool all end in
# the one build description, CMakeLists.txt. Not part of the published package.
{
  "targets": [
    {
      "target_name": "azr",
      "type": "none",
      "actions": [
        {
          "action_name": "build",
          "inputs": ["scripts/build.mjs", "CMakeLists.txt"],
          "outputs": ["build/native/build.json"],
          "action": ["node", "scripts/build.mjs"],
        },
      ],
    },
  ],
}
