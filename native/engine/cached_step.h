// One pass over rows whose keys and values live in caches: pieces of prompts and the newest tokens of completions, mixed as they come. Work is
// split by (a few rows, key/value head), and no row's result depends on how. Borrows the decoder; the caches are the caller's. Engine thread only.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/attend_tile.h"
#include "engine/decoder.h"
#include "engine/kv_cache.h"

namespace azr {

// Neighbouring tokens of one sequence. Their keys and values go to `own` from place `begin` on; each token sees all of `prefix` (null: nothing) and,
// of `own`, what comes before it and itself.
struct CachedPart {
  const int32_t* tokens;
  int64_t rows;
  const KvCache* prefix;
  int64_t prefix_length;
  KvCache* own;
  int64_t begin;
};

class CachedStep {
 public:
  explicit CachedStep(Model* model, Decoder* decoder) : model_(model), decoder_(decoder) {}

  // The rows of the parts, in order, through the decoder: decoder->hidden() afterwards.
  void Forward(const std::vector<CachedPart>& parts);

 private:
  // Rows that are attended to together: those of one part, or the newest tokens of completions of one prompt.
  struct Tile {
    int64_t first_row, rows;
  };
  void CutTiles(const std::vector<CachedPart>& parts);
  void Attend(const std::vector<CachedPart>& parts, const Tile& tile, int64_t layer, int64_t head, const float* qkv, float* out) const;

  Model* model_;
  Decoder* decoder_;
  std::vector<int32_t> tokens_, positions_;
  std::vector<int64_t> part_of_;  // [rows]
  std::vector<Tile> tiles_;
  int64_t work_ = 0;              // pairs of row and key
};

}  // namespace azr
