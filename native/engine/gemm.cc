#include "engine/gemm.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "engine/parallel.h"
#include "engine/vector_math.h"

namespace azr {
namespace {

constexpr int64_t kPanel = PackedMatrix::kPanel;
constexpr int kPanelVectors = kPanel / kLanes;
// 12 x 32 outputs = 24 accumulators of the 32 vector registers of AVX-512; the rest hold the panel row and a broadcast.
constexpr int kTileRows = 12;
constexpr int64_t kDepthBlock = 512;  // a panel slice of 64 KiB stays in the first-level caches
constexpr int64_t kRowBlock = 4 * kTileRows;

// c[Rows, kPanel] = (load ? c : 0) + a[Rows, depth] * panel[depth, kPanel]. `AStep`: stride of a's reduction index, so
// that one kernel serves a row-major a (row_stride, 1) and a transposed one (1, column_stride).
template <int Rows>
inline void Tile(const float* a, int64_t a_row, int64_t a_depth, const float* panel, int64_t panel_stride,
                 int64_t depth, float* c, int64_t c_stride, bool load) {
  Vec acc[Rows][kPanelVectors];
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kPanelVectors; ++v) {
      acc[r][v] = load ? Load(c + r * c_stride + v * kLanes) : Broadcast(0.0f);
    }
  }
  for (int64_t k = 0; k < depth; ++k) {
    Vec b[kPanelVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kPanelVectors; ++v) b[v] = Load(panel + k * panel_stride + v * kLanes);
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r) {
      const Vec x = Broadcast(a[r * a_row + k * a_depth]);
#pragma GCC unroll 2
      for (int v = 0; v < kPanelVectors; ++v) acc[r][v] = x * b[v] + acc[r][v];
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kPanelVectors; ++v) Store(c + r * c_stride + v * kLanes, acc[r][v]);
  }
}

using TileFunction = void (*)(const float*, int64_t, int64_t, const float*, int64_t, int64_t, float*, int64_t,
                              bool);
constexpr TileFunction kTiles[kTileRows + 1] = {
    nullptr, Tile<1>, Tile<2>, Tile<3>, Tile<4>, Tile<5>, Tile<6>, Tile<7>, Tile<8>, Tile<9>, Tile<10>,
    Tile<11>, Tile<12>};

// One tile that may have fewer than kPanel valid columns: computed whole in a buffer, copied back in part.
void EdgeTile(int rows, const float* a, int64_t a_row, int64_t a_depth, const float* panel,
              int64_t panel_stride, int64_t depth, float* c, int64_t c_stride, int64_t valid, bool load) {
  if (valid == kPanel) {
    kTiles[rows](a, a_row, a_depth, panel, panel_stride, depth, c, c_stride, load);
    return;
  }
  alignas(64) float buffer[kTileRows * kPanel] = {};
  if (load) {
    for (int r = 0; r < rows; ++r) std::memcpy(buffer + r * kPanel, c + r * c_stride, valid * sizeof(float));
  }
  kTiles[rows](a, a_row, a_depth, panel, panel_stride, depth, buffer, kPanel, load);
  for (int r = 0; r < rows; ++r) std::memcpy(c + r * c_stride, buffer + r * kPanel, valid * sizeof(float));
}

void MultiplyBlock(const float* a, int64_t a_stride, int64_t rows, const PackedMatrix& b, int64_t panel,
                   float* c, int64_t c_stride, bool accumulate) {
  const int64_t valid = std::min(kPanel, b.columns() - panel * kPanel);
  for (int64_t k = 0; k < b.depth(); k += kDepthBlock) {
    const int64_t depth = std::min(kDepthBlock, b.depth() - k);
    for (int64_t r = 0; r < rows; r += kTileRows) {
      const int tile = static_cast<int>(std::min<int64_t>(kTileRows, rows - r));
      EdgeTile(tile, a + r * a_stride + k, a_stride, 1, b.panel(panel) + k * kPanel, kPanel, depth,
               c + r * c_stride + panel * kPanel, c_stride, valid, accumulate || k > 0);
    }
  }
}

}  // namespace

void PackedMatrix::Resize(int64_t depth, int64_t columns) {
  depth_ = depth;
  columns_ = columns;
  const int64_t panels = (columns + kPanel - 1) / kPanel;
  const int64_t size = panels * depth * kPanel;
  if (size <= capacity_) return;
  data_.reset(static_cast<float*>(std::aligned_alloc(64, size * sizeof(float))));
  if (!data_) throw std::bad_alloc();
  capacity_ = size;
}

void PackedMatrix::PackTransposed(const float* weights, int64_t columns, int64_t depth) {
  Resize(depth, columns);
  const int64_t panels = (columns + kPanel - 1) / kPanel;
  ParallelFor(panels, 4, [&](int64_t p) {
    float* out = data_.get() + p * depth * kPanel;
    const int64_t valid = std::min(kPanel, columns - p * kPanel);
    for (int64_t j = 0; j < kPanel; ++j) {
      const float* row = weights + (p * kPanel + j) * depth;
      for (int64_t k = 0; k < depth; ++k) out[k * kPanel + j] = j < valid ? row[k] : 0.0f;
    }
  });
}

void PackedMatrix::Pack(const float* matrix, int64_t depth, int64_t columns) {
  Resize(depth, columns);
  const int64_t panels = (columns + kPanel - 1) / kPanel;
  ParallelFor(panels, 4, [&](int64_t p) {
    float* out = data_.get() + p * depth * kPanel;
    const int64_t valid = std::min(kPanel, columns - p * kPanel);
    for (int64_t k = 0; k < depth; ++k) {
      const float* row = matrix + k * columns + p * kPanel;
      for (int64_t j = 0; j < kPanel; ++j) out[k * kPanel + j] = j < valid ? row[j] : 0.0f;
    }
  });
}

void Multiply(const float* a, int64_t a_stride, int64_t rows, const PackedMatrix& b, float* c,
              int64_t c_stride, bool accumulate) {
  if (rows == 0) return;
  const int64_t panels = (b.columns() + kPanel - 1) / kPanel;
  const int64_t row_blocks = (rows + kRowBlock - 1) / kRowBlock;
  if (row_blocks >= 2 * at::get_num_threads()) {
    // Many rows: each thread takes row blocks, so its rows stay in cache while the panels stream by.
    ParallelFor(row_blocks, 1, [&](int64_t block) {
      const int64_t first = block * kRowBlock, count = std::min(kRowBlock, rows - first);
      for (int64_t p = 0; p < panels; ++p) {
        MultiplyBlock(a + first * a_stride, a_stride, count, b, p, c + first * c_stride, c_stride, accumulate);
      }
    });
    return;
  }
  // Few rows: each thread takes panels, so every weight is read once. A panel's work must outweigh waking a thread.
  const int64_t work = 2 * rows * b.depth() * kPanel;
  const int64_t grain = std::max<int64_t>(1, 200000 / work);
  ParallelFor(panels, grain, [&](int64_t p) { MultiplyBlock(a, a_stride, rows, b, p, c, c_stride, accumulate); });
}

void AccumulateOuter(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int64_t rows,
                     int64_t columns_a, int64_t columns_b, float* c) {
  constexpr int64_t kChunk = 256;  // rows of b that stay in the second-level cache between tiles
  const int64_t tiles = (columns_a + kTileRows - 1) / kTileRows;
  ParallelFor(tiles, 1, [&](int64_t tile) {
    alignas(64) float packed[kChunk * kTileRows];
    const int64_t first = tile * kTileRows;
    const int count = static_cast<int>(std::min<int64_t>(kTileRows, columns_a - first));
    for (int64_t m = 0; m < rows; m += kChunk) {
      const int64_t depth = std::min(kChunk, rows - m);
      for (int64_t k = 0; k < depth; ++k) {
        const float* row = a + (m + k) * a_stride + first;
        for (int r = 0; r < count; ++r) packed[k * kTileRows + r] = row[r];
      }
      for (int64_t j = 0; j < columns_b; j += kPanel) {
        const int64_t valid = std::min(kPanel, columns_b - j);
        const float* right = b + m * b_stride + j;
        if (valid == kPanel) {
          kTiles[count](packed, 1, kTileRows, right, b_stride, depth, c + first * columns_b + j, columns_b, true);
          continue;
        }
        // The last columns: widen b into a zero-padded panel so that no load leaves the matrix.
        alignas(64) float panel[kChunk * kPanel] = {};
        for (int64_t k = 0; k < depth; ++k) {
          std::memcpy(panel + k * kPanel, right + k * b_stride, valid * sizeof(float));
        }
        EdgeTile(count, packed, 1, kTileRows, panel, kPanel, depth, c + first * columns_b + j, columns_b, valid,
                 true);
      }
    }
  });
}

}  // namespace azr
