#include "engine/cached_step.h"

#include <algorithm>

#include "engine/parallel.h"

namespace azr {

// A part of several rows is cut by itself, since each of its rows is a key of the next. Parts of one row that follow each other and have the same
// prefix share tiles.
void CachedStep::CutTiles(const std::vector<CachedPart>& parts) {
  const ModelShape& s = model_->shape();
  const int64_t most = std::max<int64_t>(1, kTileQueries / (s.heads / s.key_value_heads));
  tiles_.clear();
  work_ = 0;
  int64_t row = 0;
  for (int64_t p = 0; p < static_cast<int64_t>(parts.size());) {
    const CachedPart& part = parts[p];
    if (part.rows == 1 && part.prefix != nullptr) {
      int64_t end = p;
      while (end < static_cast<int64_t>(parts.size()) && end - p < most && parts[end].rows == 1 && parts[end].prefix == part.prefix) {
        work_ += parts[end].prefix_length + parts[end].begin + 1;
        ++end;
      }
      tiles_.push_back({row, end - p});
      row += end - p;
      p = end;
      continue;
    }
    for (int64_t i = 0; i < part.rows; i += most) {
      const int64_t count = std::min(most, part.rows - i);
      tiles_.push_back({row + i, count});
      work_ += count * (part.prefix_length + part.begin + i + 1);
    }
    row += part.rows;
    ++p;
  }
}

void CachedStep::Attend(const std::vector<CachedPart>& parts, const Tile& tile, int64_t layer, int64_t head, const float* qkv, float* out) const {
  const ModelShape& s = model_->shape();
  const int64_t shared = s.heads / s.key_value_heads, size = s.head_size;
  const AttentionShape attention = s.attention(layer);
  thread_local std::vector<float> scratch;
  TileQuery queries[kTileQueries];
  KeySpan first{};
  int filled = 0;
  const auto flush = [&] {
    if (filled > 0) AttendTile(first, queries, filled, size, attention.scale, &scratch);
    filled = 0;
  };
  for (int64_t r = tile.first_row; r < tile.first_row + tile.rows; ++r) {
    const CachedPart& part = parts[part_of_[r]];
    const int64_t seen = positions_[r] - part.prefix_length + 1;  // of its own cache
    const int64_t from = attention.first_seen(positions_[r]);
    const KeySpan own = part.own->Span(layer, head, seen, from - part.prefix_length);
    const KeySpan keys = part.prefix != nullptr ? part.prefix->Span(layer, head, part.prefix_length, from) : own;
    const KeySpan second = part.prefix != nullptr ? own : KeySpan{nullptr, nullptr, 0, 0};
    // Rows of a layer with a window may begin at different keys.
    if (keys.key_blocks != first.key_blocks || keys.skip != first.skip) flush();
    first = keys;
    for (int64_t h = head * shared; h < (head + 1) * shared; ++h) {
      if (filled == kTileQueries) flush();
      queries[filled++] = {qkv + r * s.qkv_width() + h * size, first.count, second, out + (r * s.heads + h) * size};
    }
  }
  flush();
}

void CachedStep::Forward(const std::vector<CachedPart>& parts) {
  const ModelShape& s = model_->shape();
  tokens_.clear();
  positions_.clear();
  part_of_.clear();
  for (size_t p = 0; p < parts.size(); ++p) {
    for (int64_t i = 0; i < parts[p].rows; ++i) {
      tokens_.push_back(parts[p].tokens[i]);
      positions_.push_back(static_cast<int32_t>(parts[p].prefix_length + parts[p].begin + i));
      part_of_.push_back(static_cast<int64_t>(p));
    }
  }
  CutTiles(parts);
  const int64_t tiles = static_cast<int64_t>(tiles_.size());
  const int64_t operations = 4 * work_ * s.heads * s.head_size;
  decoder_->Forward(tokens_, positions_, [&](int64_t layer, float* qkv, float* out) {
    for (const CachedPart& part : parts) part.own->Prepare(layer, part.begin, part.rows);
    ParallelFor(static_cast<int64_t>(tokens_.size()), 16, [&](int64_t r) {
      const CachedPart& part = parts[part_of_[r]];
      part.own->Write(layer, positions_[r] - part.prefix_length, qkv + r * s.qkv_width(), s);
    });
    ParallelTasks(tiles * s.key_value_heads, operations, [&](int64_t task) { Attend(parts, tiles_[task % tiles], layer, task / tiles, qkv, out); });
  });
}

}  // namespace azr
