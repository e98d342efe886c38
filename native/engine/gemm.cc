#include "engine/gemm.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <utility>
#include <vector>

#include "engine/gemm_tile.h"
#include "engine/memory.h"
#include "engine/parallel.h"
#include "engine/status.h"

namespace azr {
namespace {

constexpr int64_t kPanel = kPanelColumns;
template <typename Format>
using TileFunction = void (*)(const typename Format::Input*, int64_t, const uint8_t*, int64_t, float*, int64_t, bool);

// Tiles by their number of rows, less one.
template <typename Format, size_t... Rows>
constexpr std::array<TileFunction<Format>, sizeof...(Rows)> Tiles(std::index_sequence<Rows...>) {
  return {Tile<Format, Rows + 1>...};
}
template <typename Format>
constexpr auto kTiles = Tiles<Format>(std::make_index_sequence<Format::kRows>());

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

// All rows times one slice of a panel.
template <typename Format>
void MultiplySlice(const typename Format::Input* a, int64_t a_stride, int64_t rows, const uint8_t* slice, int64_t depth,
                   float* c, int64_t c_stride, int64_t valid, bool load) {
  // Tiles of nearly equal heights: a last one of few rows would cost as much as one of many.
  const int64_t tiles = (rows + Format::kRows - 1) / Format::kRows, tall = rows % tiles, height = rows / tiles;
  for (int64_t tile = 0, r = 0; tile < tiles; ++tile) {
    const int64_t here = height + (tile < tall ? 1 : 0);
    EdgeTile<Format>(static_cast<int>(here), a + r * a_stride, a_stride, slice, depth, c + r * c_stride, c_stride, valid,
                     load);
    r += here;
  }
}

// All rows times one panel.
template <typename Format>
void MultiplyPanel(const typename Format::Input* a, int64_t a_stride, int64_t rows, const PackedMatrix& b,
                   int64_t panel, float* c, int64_t c_stride, bool accumulate) {
  const int64_t valid = std::min(kPanel, b.columns() - panel * kPanel);
  for (int64_t k = 0; k < b.depth(); k += Format::kDepthBlock) {
    MultiplySlice<Format>(a + Format::InputOffset(k), a_stride, rows, b.panel(panel) + Format::SliceOffset(k),
                          std::min(Format::kDepthBlock, b.depth() - k), c + panel * kPanel, c_stride, valid,
                          accumulate || k > 0);
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

// Rows as a format's kernels take them: [rows][stride]. Memory is kept, so that a step allocates nothing.
template <typename Format>
const typename Format::Input* Prepared(const float* a, int64_t a_stride, int64_t rows, int64_t depth, int64_t stride) {
  static thread_local std::vector<typename Format::Input> inputs;
  Grow(&inputs, rows * stride, "activations");
  typename Format::Input* out = inputs.data();
  ParallelFor(rows, std::max<int64_t>(1, (1 << 16) / depth),
              [&](int64_t r) { Format::Prepare(a + r * a_stride, depth, out + r * stride); });
  return out;
}

template <typename Format>
void MultiplyRounded(const float* a, int64_t a_stride, int64_t rows, const PackedMatrix& b, float* c, int64_t c_stride,
                     bool accumulate) {
  const int64_t stride = Format::RowInputs(b.depth());
  MultiplyRows<Format>(Prepared<Format>(a, a_stride, rows, b.depth(), stride), stride, rows, b, c, c_stride, accumulate);
}

// A block of rows is multiplied by a panel that was packed for it: 16 tiles pay for the packing.
constexpr int64_t kBlock = 192;

// One slice of a panel, of the thread that packs it.
template <typename Format>
uint8_t* SliceBuffer() {
  constexpr int64_t kBytes = kPanel * 4 * Format::kDepthBlock;
  alignas(64) static thread_local uint8_t buffer[kBytes];
  return buffer;
}

template <typename Format>
void MultiplyUnpacked(const typename Format::Input* a, int64_t a_stride, int64_t rows, const MatrixView& b, float* c,
                      int64_t c_stride) {
  const int64_t panels = (b.columns + kPanel - 1) / kPanel, blocks = (rows + kBlock - 1) / kBlock;
  ParallelFor(blocks * panels, 1, [&](int64_t task) {
    const int64_t first = task / panels * kBlock, column = task % panels * kPanel;
    const int64_t count = std::min(kBlock, rows - first), valid = std::min(kPanel, b.columns - column);
    for (int64_t k = 0; k < b.depth; k += Format::kDepthBlock) {
      const int64_t depth = std::min(Format::kDepthBlock, b.depth - k);
      uint8_t* slice = SliceBuffer<Format>();
      Format::Pack(b.data + k * b.columns + column, b.columns, depth, valid, slice);
      MultiplySlice<Format>(a + first * a_stride + k, a_stride, count, slice, depth, c + first * c_stride + column,
                            c_stride, valid, k > 0);
    }
  });
}

// a[depth, count] transposed and rounded: out[count][RowInputs(depth)].
template <typename Format>
void Transpose(const float* a, int64_t a_stride, int64_t depth, int64_t count, typename Format::Input* out) {
  const int64_t stride = Format::RowInputs(depth);
  for (int64_t k = 0; k < depth; k += kLanes) {
    for (int64_t j = 0; j < count; j += kLanes) {
      const int64_t rows = std::min<int64_t>(kLanes, depth - k), columns = std::min<int64_t>(kLanes, count - j);
      Vec square[kLanes] = {};
      for (int64_t i = 0; i < rows; ++i) {
        const float* from = a + (k + i) * a_stride + j;
        if (columns == kLanes) {
          square[i] = Load(from);
        } else {
          std::memcpy(&square[i], from, columns * sizeof(float));
        }
      }
      Transpose16(square);
      // A depth that is padded ends in a zero of the square.
      for (int64_t i = 0; i < columns; ++i) {
        Format::Prepare(reinterpret_cast<const float*>(&square[i]), rows, out + (j + i) * stride + k);
      }
    }
  }
}

// c += a^T b, a chunk of the rows at a time: blocks of a's columns as rows of tiles, panels of b's columns.
template <typename Format>
void OuterRows(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int64_t rows, int64_t columns_a,
               int64_t columns_b, float* c) {
  constexpr int64_t kChunk = 512;
  const int64_t panels = (columns_b + kPanel - 1) / kPanel, blocks = (columns_a + kBlock - 1) / kBlock;
  for (int64_t m = 0; m < rows; m += kChunk) {
    const int64_t depth = std::min(kChunk, rows - m), stride = Format::RowInputs(depth);
    static std::atomic<int64_t> chunks{0};
    const int64_t chunk = ++chunks;
    ParallelFor(blocks * panels, 1, [&](int64_t task) {
      const int64_t first = task / panels * kBlock, column = task % panels * kPanel;
      const int64_t count = std::min(kBlock, columns_a - first), valid = std::min(kPanel, columns_b - column);
      // A thread's tasks are neighbours, so most of them find their block transposed.
      static thread_local std::vector<typename Format::Input> block;
      static thread_local int64_t held_chunk = 0, held_first = 0;
      if (held_chunk != chunk || held_first != first) {
        block.resize(kBlock * Format::RowInputs(kChunk));
        Transpose<Format>(a + m * a_stride + first, a_stride, depth, count, block.data());
        held_chunk = chunk;
        held_first = first;
      }
      uint8_t* slice = SliceBuffer<Format>();
      Format::Pack(b + m * b_stride + column, b_stride, depth, valid, slice);
      MultiplySlice<Format>(block.data(), stride, count, slice, depth, c + first * columns_b + column, columns_b, valid,
                            true);
    });
  }
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
  if (!data_) ThrowOutOfMemory(capacity_, "weights");
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

void Multiply(const float* a, int64_t a_stride, int64_t rows, const MatrixView& b, float* c, int64_t c_stride) {
  if (b.format == WeightFormat::kFloat32) return MultiplyUnpacked<Float32Panels>(a, a_stride, rows, b, c, c_stride);
  if (b.format == WeightFormat::kQ8) throw EngineError("AZR_INTERNAL", "a q8 matrix has no backward product");
  const int64_t stride = Bfloat16Panels::RowInputs(b.depth);
  MultiplyUnpacked<Bfloat16Panels>(Prepared<Bfloat16Panels>(a, a_stride, rows, b.depth, stride), stride, rows, b, c,
                                   c_stride);
}

void AccumulateOuter(WeightFormat format, const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                     int64_t rows, int64_t columns_a, int64_t columns_b, float* c) {
  const auto outer = format == WeightFormat::kBfloat16 ? OuterRows<Bfloat16Panels> : OuterRows<Float32Panels>;
  outer(a, a_stride, b, b_stride, rows, columns_a, columns_b, c);
}

}  // namespace azr
