#include "engine/gemm.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "engine/gemm_tile.h"
#include "engine/parallel.h"
#include "engine/status.h"

namespace azr {
namespace {

constexpr int64_t kPanel = kPanelColumns;
constexpr int kOuterRows = 12;

template <typename Format>
using TileFunction = void (*)(const typename Format::Input*, int64_t, const uint8_t*, int64_t, float*, int64_t, bool);

// Tiles by their number of rows, less one.
template <typename Format, size_t... Rows>
constexpr std::array<TileFunction<Format>, sizeof...(Rows)> Tiles(std::index_sequence<Rows...>) {
  return {Tile<Format, Rows + 1>...};
}
template <typename Format>
constexpr auto kTiles = Tiles<Format>(std::make_index_sequence<Format::kRows>());

using OuterTileFunction = void (*)(const float*, int64_t, const float*, int64_t, int64_t, float*, int64_t);
template <size_t... Rows>
constexpr std::array<OuterTileFunction, sizeof...(Rows)> OuterTiles(std::index_sequence<Rows...>) {
  return {OuterTile<Rows + 1>...};
}
constexpr auto kOuterTiles = OuterTiles(std::make_index_sequence<kOuterRows>());

// One tile that may have fewer than kPanel valid columns: computed whole in a buffer, copied back in part.
template <typename Format>
void EdgeTile(int rows, const typename Format::Input* a, int64_t a_row, const uint8_t* panel, int64_t depth,
              float* c, int64_t c_stride, int64_t valid, bool load) {
  if (valid == kPanel) {
    kTiles<Format>[rows - 1](a, a_row, panel, depth, c, c_stride, load);
    return;
  }
  alignas(64) float buffer[Format::kRows * kPanel] = {};
  if (load) {
    for (int r = 0; r < rows; ++r) std::memcpy(buffer + r * kPanel, c + r * c_stride, valid * sizeof(float));
  }
  kTiles<Format>[rows - 1](a, a_row, panel, depth, buffer, kPanel, load);
  for (int r = 0; r < rows; ++r) std::memcpy(c + r * c_stride, buffer + r * kPanel, valid * sizeof(float));
}

// All rows times one panel.
template <typename Format>
void MultiplyPanel(const typename Format::Input* a, int64_t a_stride, int64_t rows, const PackedMatrix& b,
                   int64_t panel, float* c, int64_t c_stride, bool accumulate) {
  const int64_t valid = std::min(kPanel, b.columns() - panel * kPanel);
  // Tiles of nearly equal heights: a last one of few rows would cost as much as one of many.
  const int64_t tiles = (rows + Format::kRows - 1) / Format::kRows, tall = rows % tiles, height = rows / tiles;
  for (int64_t k = 0; k < b.depth(); k += Format::kDepthBlock) {
    const int64_t depth = std::min(Format::kDepthBlock, b.depth() - k);
    const uint8_t* slice = b.panel(panel) + Format::SliceOffset(k);
    for (int64_t tile = 0, r = 0; tile < tiles; ++tile) {
      const int64_t here = height + (tile < tall ? 1 : 0);
      EdgeTile<Format>(static_cast<int>(here), a + r * a_stride + Format::InputOffset(k), a_stride, slice, depth,
                       c + r * c_stride + panel * kPanel, c_stride, valid, accumulate || k > 0);
      r += here;
    }
  }
}

template <typename Format>
void MultiplyRows(const typename Format::Input* a, int64_t a_stride, int64_t rows, const PackedMatrix& b, float* c,
                  int64_t c_stride, bool accumulate) {
  constexpr int64_t kRowBlock = 48;
  const int64_t panels = b.panels(), row_blocks = (rows + kRowBlock - 1) / kRowBlock;
  if (row_blocks >= 2 * at::get_num_threads()) {
    // Many rows: each thread takes row blocks, so its rows stay in cache while the panels stream by.
    ParallelFor(row_blocks, 1, [&](int64_t block) {
      const int64_t first = block * kRowBlock, count = std::min(kRowBlock, rows - first);
      for (int64_t p = 0; p < panels; ++p) {
        MultiplyPanel<Format>(a + first * a_stride, a_stride, count, b, p, c + first * c_stride, c_stride, accumulate);
      }
    });
    return;
  }
  // Few rows: each thread takes panels, so every weight is read once. A panel's work must outweigh waking a thread.
  const int64_t work = 2 * rows * b.depth() * kPanel;
  const int64_t grain = std::max<int64_t>(1, 200000 / work);
  ParallelFor(panels, grain,
              [&](int64_t p) { MultiplyPanel<Format>(a, a_stride, rows, b, p, c, c_stride, accumulate); });
}

// The same for a format whose inputs are not floats: all rows are rounded first.
template <typename Format>
void MultiplyRounded(const float* a, int64_t a_stride, int64_t rows, const PackedMatrix& b, float* c, int64_t c_stride,
                     bool accumulate) {
  static thread_local std::vector<typename Format::Input> inputs;  // kept, so that a step allocates nothing
  const int64_t stride = Format::RowInputs(b.depth());
  if (static_cast<int64_t>(inputs.size()) < rows * stride) inputs.resize(rows * stride);
  typename Format::Input* out = inputs.data();
  ParallelFor(rows, std::max<int64_t>(1, (1 << 16) / b.depth()),
              [&](int64_t r) { Format::Prepare(a + r * a_stride, b.depth(), out + r * stride); });
  MultiplyRows<Format>(out, stride, rows, b, c, c_stride, accumulate);
}

int64_t PanelBytes(WeightFormat format, int64_t depth) {
  switch (format) {
    case WeightFormat::kFloat32: return Float32Panels::PanelBytes(depth);
    case WeightFormat::kBfloat16: return Bfloat16Panels::PanelBytes(depth);
    case WeightFormat::kQ8: return Q8Panels::PanelBytes(depth);
  }
  return 0;
}

// Where the value at (k, j) of a panel lies.
int64_t Bfloat16Place(int64_t k, int64_t j) { return (k / 2 * kPanel + j) * 4 + k % 2 * 2; }

}  // namespace

int64_t PackedMatrix::panels() const { return (columns_ + kPanel - 1) / kPanel; }

void PackedMatrix::Resize(WeightFormat format, int64_t depth, int64_t columns) {
  if (data_ != nullptr && format == format_ && depth == depth_ && columns == columns_) return;
  format_ = format;
  depth_ = depth;
  columns_ = columns;
  panel_bytes_ = PanelBytes(format, depth);
  // Large pages, where the system has them: a step reads every weight once, and the processor looks up fewer addresses.
  constexpr int64_t kLargePage = 1 << 21;
  const int64_t bytes = panels() * panel_bytes_, alignment = bytes < kLargePage ? 64 : kLargePage;
  capacity_ = (bytes + alignment - 1) / alignment * alignment;
  data_.reset(static_cast<uint8_t*>(std::aligned_alloc(alignment, capacity_)));
  if (!data_) throw std::bad_alloc();
  if (alignment == kLargePage) ::madvise(data_.get(), capacity_, MADV_HUGEPAGE);
  std::memset(data_.get(), 0, capacity_);
}

bool PackedMatrix::SetColumns(int64_t first, int64_t count, const float* rows) {
  if (format_ == WeightFormat::kFloat32) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t column = first + i;
      float* out = reinterpret_cast<float*>(data_.get() + column / kPanel * panel_bytes_) + column % kPanel;
      const float* row = rows + i * depth_;
      for (int64_t k = 0; k < depth_; ++k) out[k * kPanel] = row[k];
    }
    return true;
  }
  bool fits = true;
  thread_local std::vector<uint8_t> encoded;
  encoded.resize(RowBytes(format_, depth_));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t column = first + i, j = column % kPanel;
    uint8_t* panel = data_.get() + column / kPanel * panel_bytes_;
    fits = EncodeRow(format_, rows + i * depth_, depth_, encoded.data()) && fits;
    const uint8_t* from = encoded.data();
    if (format_ == WeightFormat::kBfloat16) {
      for (int64_t k = 0; k < depth_; ++k, from += 2) std::memcpy(panel + Bfloat16Place(k, j), from, 2);
      continue;
    }
    for (int64_t k = 0; k < depth_; k += kQ8Block, panel += Q8Panels::kBlockBytes) {
      std::memcpy(panel + 2 * j, from, 2);
      from += 2;
      for (int64_t b = 0; b < kQ8Block; ++b) panel[Q8Panels::kScaleBytes + (b / 2 * kPanel + j) * 2 + b % 2] = from[b];
      from += kQ8Block;
    }
  }
  return fits;
}

void PackedMatrix::PackTransposed(WeightFormat format, const float* weights, int64_t columns, int64_t depth) {
  Resize(format, depth, columns);
  ParallelFor(panels(), 4, [&](int64_t p) {
    SetColumns(p * kPanel, std::min(kPanel, columns - p * kPanel), weights + p * kPanel * depth);
  });
}

void PackedMatrix::Pack(WeightFormat format, const float* matrix, int64_t depth, int64_t columns) {
  if (format == WeightFormat::kQ8) throw EngineError("AZR_INTERNAL", "a q8 matrix has no backward product");
  Resize(format, depth, columns);
  ParallelFor(panels(), 4, [&](int64_t p) {
    uint8_t* out = data_.get() + p * panel_bytes_;
    const int64_t valid = std::min(kPanel, columns - p * kPanel);
    for (int64_t k = 0; k < depth; ++k) {
      const float* row = matrix + k * columns + p * kPanel;
      if (format == WeightFormat::kFloat32) {
        std::memcpy(out + k * kPanel * sizeof(float), row, valid * sizeof(float));
        continue;
      }
      for (int64_t j = 0; j < valid; ++j) {
        const uint16_t rounded = RoundToBfloat16(row[j]);
        std::memcpy(out + Bfloat16Place(k, j), &rounded, sizeof(rounded));
      }
    }
  });
}

void Multiply(const float* a, int64_t a_stride, int64_t rows, const PackedMatrix& b, float* c,
              int64_t c_stride, bool accumulate) {
  if (rows == 0) return;
  switch (b.format()) {
    case WeightFormat::kFloat32:
      return MultiplyRows<Float32Panels>(a, a_stride, rows, b, c, c_stride, accumulate);
    case WeightFormat::kBfloat16:
      return MultiplyRounded<Bfloat16Panels>(a, a_stride, rows, b, c, c_stride, accumulate);
    case WeightFormat::kQ8: return MultiplyRounded<Q8Panels>(a, a_stride, rows, b, c, c_stride, accumulate);
  }
}

void AccumulateOuter(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int64_t rows,
                     int64_t columns_a, int64_t columns_b, float* c) {
  constexpr int64_t kChunk = 256;  // rows of b that stay in the second-level cache between tiles
  const int64_t tiles = (columns_a + kOuterRows - 1) / kOuterRows;
  ParallelFor(tiles, 1, [&](int64_t tile) {
    alignas(64) float packed[kChunk * kOuterRows];
    const int64_t first = tile * kOuterRows;
    const int count = static_cast<int>(std::min<int64_t>(kOuterRows, columns_a - first));
    for (int64_t m = 0; m < rows; m += kChunk) {
      const int64_t depth = std::min(kChunk, rows - m);
      for (int64_t k = 0; k < depth; ++k) {
        const float* row = a + (m + k) * a_stride + first;
        for (int r = 0; r < count; ++r) packed[k * kOuterRows + r] = row[r];
      }
      for (int64_t j = 0; j < columns_b; j += kPanel) {
        const int64_t valid = std::min(kPanel, columns_b - j);
        const float* right = b + m * b_stride + j;
        float* out = c + first * columns_b + j;
        if (valid == kPanel) {
          kOuterTiles[count - 1](packed, kOuterRows, right, b_stride, depth, out, columns_b);
          continue;
        }
        // The last columns: b widened into a zero-padded panel so that no load leaves the matrix.
        alignas(64) float panel[kChunk * kPanel] = {}, buffer[kOuterRows * kPanel] = {};
        for (int64_t k = 0; k < depth; ++k) std::memcpy(panel + k * kPanel, right + k * b_stride, valid * sizeof(float));
        for (int r = 0; r < count; ++r) std::memcpy(buffer + r * kPanel, out + r * columns_b, valid * sizeof(float));
        kOuterTiles[count - 1](packed, kOuterRows, panel, kPanel, depth, buffer, kPanel);
        for (int r = 0; r < count; ++r) std::memcpy(out + r * columns_b, buffer + r * kPanel, valid * sizeof(float));
      }
    }
  });
}

}  // namespace azr
