// Tensors in files: reads one from any storage type straight into its place, with several threads; writes a header and
// tensors synced to disk. Knows nothing of the header's contents (the TypeScript side writes and checks it). Files are
// read in chunks and not mapped, so that one which another process cuts short is an error and not the end of this
// process. ReadTensor uses the engine thread's team; the rest any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/dequantize.h"

namespace azr {

// Where one parameter's data lies: index into Model::layout().names, byte offset in the file.
struct TensorSource {
  int64_t index = 0;
  std::string path;
  int64_t offset = 0;
  StorageType type = StorageType::kFloat32;
  // Rows of a head whose rotary pairs lie side by side in the file (rows 2i and 2i + 1) and half a head apart here; 0
  // for a tensor whose rows keep their order.
  int64_t paired_rows = 0;
  float shift = 0.0f;  // added to each value
};

// Where a tensor's values go: to a place, or a few rows at a time to somebody who takes them, from several threads at
// once; to neither when they are only looked at.
struct TensorTarget {
  float* place = nullptr;                                                             // [rows, columns]
  std::function<void(int64_t first, int64_t count, const float* values)> take = {};  // values[count, columns]
};

// Reads a tensor [rows, columns]. Returns whether all values are finite. Throws AZR_MODEL_FORMAT when the file cannot be
// read, is too short, or the shape does not suit the type.
bool ReadTensor(const TensorSource& source, int64_t rows, int64_t columns, const TensorTarget& target);

// The same for plain ranges, of whatever values: `count` of them at byte `offset` of `path`.
void ReadFloats(const std::string& path, int64_t offset, StorageType type, int64_t count, float* out);

// Creates (or replaces) `path` with the header bytes followed by the buffers, and syncs it. Throws AZR_RUN_FOLDER with
// the system's reason (a full disk, no permission); a partial file is removed.
void WriteFloats(const std::string& path, const std::string& header,
                 const std::vector<std::pair<const void*, int64_t>>& buffers);

// A float tensor to be written: values()[count], asked for when its turn comes and used until the next is, under a name
// for messages.
struct WrittenTensor {
  std::string name;
  std::function<const float*()> values;
  int64_t count;
};

// The same for tensors in float32, float16 or bfloat16, rounded to the nearest and to even on a tie. Throws
// AZR_INPUT_INVALID when a finite value is beyond the type's range.
void WriteTensors(const std::string& path, const std::string& header, const std::vector<WrittenTensor>& tensors,
                  StorageType type);

}  // namespace azr
