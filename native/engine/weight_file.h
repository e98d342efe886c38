// Raw tensor data in files: reads a range as floats from any of three storage types, writes a header and buffers
// synced to disk. Knows nothing of the header's contents (the TypeScript side writes and checks it). Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace azr {

enum class StorageType { kFloat32, kFloat16, kBfloat16 };

// Reads `count` values at byte `offset` of `path`, widened to float. Throws AZR_MODEL_FORMAT when the file cannot be read
// or is too short.
void ReadFloats(const std::string& path, int64_t offset, StorageType type, int64_t count, float* out);

// Creates (or replaces) `path` with the header bytes followed by the buffers, and syncs it. Throws AZR_RUN_FOLDER with
// the system's reason (a full disk, no permission); a partial file is removed.
void WriteFloats(const std::string& path, const std::string& header,
                 const std::vector<std::pair<const void*, int64_t>>& buffers);

}  // namespace azr
