// The inner kernels of gemm.cc: a tile of a few rows times a panel of 32 columns, held in registers over the whole
// depth. One kernel for each format of the weights; what differs is how a panel's next columns come into registers.
// Each output is one chain over the reduction index, whatever the tile it is computed in. Header only, any thread.
#pragma once

#include <cstdint>
#include <cstring>

#include "engine/vector_math.h"
#include "engine/weight_format.h"

#if defined(__AVX512F__) || defined(__F16C__)
#include <immintrin.h>
#endif

namespace azr {

inline constexpr int64_t kPanelColumns = 32;
inline constexpr int kPanelVectors = kPanelColumns / kLanes;

// The kernels are whole only when their parts are one function: then the accumulators live in registers.
#define AZR_INLINE inline __attribute__((always_inline))

// Rows that lie far apart are out of the processor's own foresight.
inline constexpr int64_t kRowsAhead = 24;
AZR_INLINE void PrefetchRow(const float* row) {
  __builtin_prefetch(row);
  __builtin_prefetch(row + kLanes);
}

// Accumulators of a tile.
template <int Rows>
struct Accumulators {
  Vec at[Rows][kPanelVectors];
};

// Single precision. Panel: [depth][32] floats.
struct Float32Panels {
  using Input = float;
  static constexpr int kRows = 12;             // with two vectors a row 24 of the 32 registers of AVX-512
  static constexpr int64_t kDepthBlock = 512;  // a slice of 64 KiB stays in the first-level caches
  static int64_t PanelBytes(int64_t depth) { return SliceOffset(depth); }
  static int64_t SliceOffset(int64_t k) { return k * kPanelColumns * static_cast<int64_t>(sizeof(float)); }
  static int64_t InputOffset(int64_t k) { return k; }
  static int64_t RowInputs(int64_t depth) { return depth; }

  static void Prepare(const float* row, int64_t depth, float* out) { std::memcpy(out, row, depth * sizeof(float)); }

  // Packs b[depth, valid], rows `stride` apart, as a panel (the other columns zero).
  static void Pack(const float* b, int64_t stride, int64_t depth, int64_t valid, uint8_t* out) {
    float* panel = reinterpret_cast<float*>(out);
    for (int64_t k = 0; k < depth; ++k, b += stride, panel += kPanelColumns) {
      PrefetchRow(b + kRowsAhead * stride);
      if (valid < kPanelColumns) std::memset(panel, 0, kPanelColumns * sizeof(float));
      std::memcpy(panel, b, valid * sizeof(float));
    }
  }

  template <int Rows>
  static AZR_INLINE void Accumulate(Accumulators<Rows>* acc, const float* a, int64_t a_row, const uint8_t* panel,
                                    int64_t depth) {
    const float* row = reinterpret_cast<const float*>(panel);
    for (int64_t k = 0; k < depth; ++k, row += kPanelColumns) {
      Vec b[kPanelVectors];
#pragma GCC unroll 2
      for (int v = 0; v < kPanelVectors; ++v) b[v] = Load(row + v * kLanes);
#pragma GCC unroll 12
      for (int r = 0; r < Rows; ++r) {
        const Vec x = Broadcast(a[r * a_row + k]);
#pragma GCC unroll 2
        for (int v = 0; v < kPanelVectors; ++v) acc->at[r][v] = x * b[v] + acc->at[r][v];
      }
    }
  }
};

// bfloat16 weights times inputs rounded to bfloat16, sums in single precision. Panel: [depth / 2][32][2], the depth
// padded to even with zeros, as the inputs are.
struct Bfloat16Panels {
  using Input = uint16_t;
  static constexpr int kRows = 12;
  static constexpr int64_t kDepthBlock = 1024;
  static int64_t PanelBytes(int64_t depth) { return (depth + 1) / 2 * kPanelColumns * 4; }
  static int64_t SliceOffset(int64_t k) { return k * kPanelColumns * 2; }
  static int64_t InputOffset(int64_t k) { return k; }
  static int64_t RowInputs(int64_t depth) { return (depth + 1) / 2 * 2; }

  static void Prepare(const float* row, int64_t depth, uint16_t* out) {
    RoundToBfloat16(row, depth, out);
    if (depth % 2 != 0) out[depth] = 0;
  }

  // As Float32Panels::Pack, rounded.
  static void Pack(const float* b, int64_t stride, int64_t depth, int64_t valid, uint8_t* out) {
    uint16_t low[kPanelColumns] = {}, high[kPanelColumns] = {};
    for (int64_t k = 0; k < depth; k += 2, out += kPanelColumns * 4) {
      PrefetchRow(b + (k + kRowsAhead) * stride);
      PrefetchRow(b + (k + kRowsAhead + 1) * stride);
      RoundToBfloat16(b + k * stride, valid, low);
      if (k + 1 < depth) {
        RoundToBfloat16(b + (k + 1) * stride, valid, high);
      } else {
        std::memset(high, 0, sizeof(high));
      }
      uint32_t pairs[kPanelColumns];
      for (int j = 0; j < kPanelColumns; ++j) pairs[j] = low[j] | static_cast<uint32_t>(high[j]) << 16;
      std::memcpy(out, pairs, sizeof(pairs));
    }
  }

  // sum + the products of two pairs a lane.
  static AZR_INLINE Vec Dot(Vec sum, IntVec pairs, IntVec x) {
#ifdef __AVX512BF16__
    return reinterpret_cast<Vec>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(sum), reinterpret_cast<__m512bh>(x),
                                                  reinterpret_cast<__m512bh>(pairs)));
#else
    const IntVec high = {-65536, -65536, -65536, -65536, -65536, -65536, -65536, -65536,
                         -65536, -65536, -65536, -65536, -65536, -65536, -65536, -65536};
    sum = reinterpret_cast<Vec>(x << 16) * reinterpret_cast<Vec>(pairs << 16) + sum;
    return reinterpret_cast<Vec>(x & high) * reinterpret_cast<Vec>(pairs & high) + sum;
#endif
  }

  template <int Rows>
  static AZR_INLINE void Accumulate(Accumulators<Rows>* acc, const uint16_t* a, int64_t a_row,
                                const uint8_t* panel, int64_t depth) {
    for (int64_t k = 0; k < depth; k += 2) {
      IntVec b[kPanelVectors];
#pragma GCC unroll 2
      for (int v = 0; v < kPanelVectors; ++v) {
        std::memcpy(&b[v], panel + k * kPanelColumns * 2 + v * 64, sizeof(IntVec));
      }
#pragma GCC unroll 12
      for (int r = 0; r < Rows; ++r) {
        int32_t pair;
        std::memcpy(&pair, a + r * a_row + k, sizeof(pair));
        const IntVec x = pair - IntVec{};
#pragma GCC unroll 2
        for (int v = 0; v < kPanelVectors; ++v) acc->at[r][v] = Dot(acc->at[r][v], b[v], x);
      }
    }
  }
};

// Q8: weights of eight bits times inputs of sixteen, both with a scale a block of 32; sums within a block are exact
// integers, blocks are added in single precision. What the inputs lose is 1/65,534 of the largest of their block, far less
// than the weights lost. Panel: for each 32 of the depth, 32 half-precision scales and [16][32][2] bytes. An input
// row: for each 32, a float scale and 32 int16.
struct Q8Panels {
  using Input = uint8_t;
  static constexpr int kRows = 6;  // two vectors of integers and two of floats a row
  static constexpr int64_t kDepthBlock = 1024;
  static constexpr int64_t kScaleBytes = kPanelColumns * 2;
  static constexpr int64_t kBlockBytes = kScaleBytes + kQ8Block * kPanelColumns;
  static constexpr int64_t kInputBytes = 4 + 2 * kQ8Block;
  static constexpr int64_t kPrefetch = 8192;  // measured: a quarter to a half faster for 1 to 16 rows
  static int64_t PanelBytes(int64_t depth) { return (depth + kQ8Block - 1) / kQ8Block * kBlockBytes; }
  static int64_t SliceOffset(int64_t k) { return k / kQ8Block * kBlockBytes; }
  static int64_t InputOffset(int64_t k) { return k / kQ8Block * kInputBytes; }
  static int64_t RowInputs(int64_t depth) { return InputOffset(depth + kQ8Block - 1); }

  static void Prepare(const float* row, int64_t depth, uint8_t* out) {
    for (int64_t k = 0; k < depth; k += kQ8Block, out += kInputBytes) {
      const int64_t count = depth - k < kQ8Block ? depth - k : kQ8Block;
      Vec values[2] = {};
      if (count == kQ8Block) {
        values[0] = Load(row + k);
        values[1] = Load(row + k + kLanes);
      } else {
        std::memcpy(values, row + k, count * sizeof(float));
      }
      // A value that is not finite makes the scale so, and with it every sum that the block is part of.
      const float largest = HorizontalMax(Max(Magnitude(values[0]), Magnitude(values[1])));
      const float scale = largest * (1.0f / 32767.0f), inverse = scale > 1e-37f ? 1.0f / scale : 0.0f;
      std::memcpy(out, &scale, sizeof(scale));
      Half q[2];
      for (int i = 0; i < 2; ++i) q[i] = RoundToShort(values[i] * Broadcast(inverse));
      std::memcpy(out + sizeof(scale), q, sizeof(q));
    }
  }

  template <int Rows>
  static AZR_INLINE void Accumulate(Accumulators<Rows>* acc, const uint8_t* a, int64_t a_row,
                                    const uint8_t* panel, int64_t depth) {
    for (int64_t block = 0; block < depth; block += kQ8Block, panel += kBlockBytes, a += kInputBytes) {
      IntVec sum[Rows][kPanelVectors] = {};
#pragma GCC unroll 2
      for (int64_t k = 0; k < kQ8Block / 2; ++k) {
        __builtin_prefetch(panel + k * kPanelColumns * 2 + kPrefetch);
        IntVec b[kPanelVectors];
#pragma GCC unroll 2
        for (int v = 0; v < kPanelVectors; ++v) {
          b[v] = WidenBytes(panel + kScaleBytes + k * kPanelColumns * 2 + v * 32);
        }
#pragma GCC unroll 12
        for (int r = 0; r < Rows; ++r) {
          int32_t pair;
          std::memcpy(&pair, a + r * a_row + 4 + k * 4, sizeof(pair));
          const IntVec x = pair - IntVec{};
#pragma GCC unroll 2
          for (int v = 0; v < kPanelVectors; ++v) sum[r][v] = Dot(sum[r][v], b[v], x);
        }
      }
#pragma GCC unroll 2
      for (int v = 0; v < kPanelVectors; ++v) {
        const Vec scale = Scales(panel + v * 32);
#pragma GCC unroll 12
        for (int r = 0; r < Rows; ++r) {
          float input_scale;
          std::memcpy(&input_scale, a + r * a_row, sizeof(input_scale));
          acc->at[r][v] = ToFloat(sum[r][v]) * (scale * Broadcast(input_scale)) + acc->at[r][v];
        }
      }
    }
  }

 private:
  typedef int16_t Half __attribute__((vector_size(32)));

  // Not std::abs: a lane that is not a number must stay largest.
  static Vec Magnitude(Vec v) {
    const Vec magnitude = v < Broadcast(0.0f) ? -v : v;
    return magnitude == magnitude ? magnitude : Broadcast(__builtin_inff());
  }

  static Half RoundToShort(Vec v) {
    const Vec magic = Broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to the nearest integer
    return __builtin_convertvector(reinterpret_cast<IntVec>(v + magic) - reinterpret_cast<IntVec>(magic), Half);
  }

  // Intrinsics where there are any, since the compiler would widen lane by lane. (With masks: GCC 12 warns of its own
  // header otherwise.)
  static AZR_INLINE Vec Scales(const uint8_t* halves) {
#ifdef __AVX512F__
    return reinterpret_cast<Vec>(
        _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves))));
#else
    Vec out;
    for (int i = 0; i < kLanes; ++i) {
      uint16_t bits;
      std::memcpy(&bits, halves + i * sizeof(bits), sizeof(bits));
      out[i] = WidenHalf(bits);
    }
    return out;
#endif
  }

  // Sixteen pairs of bytes as pairs of int16.
  static AZR_INLINE IntVec WidenBytes(const uint8_t* bytes) {
#ifdef __AVX512BW__
    const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
    return reinterpret_cast<IntVec>(_mm512_maskz_cvtepi8_epi16(0xffffffff, pairs));
#else
    int16_t wide[2 * kLanes];
    for (int i = 0; i < 2 * kLanes; ++i) wide[i] = static_cast<int8_t>(bytes[i]);
    IntVec out;
    std::memcpy(&out, wide, sizeof(out));
    return out;
#endif
  }

  static AZR_INLINE Vec ToFloat(IntVec v) {
#ifdef __AVX512F__
    return reinterpret_cast<Vec>(_mm512_maskz_cvtepi32_ps(0xffff, reinterpret_cast<__m512i>(v)));
#else
    return __builtin_convertvector(v, Vec);
#endif
  }

  static AZR_INLINE IntVec Dot(IntVec sum, IntVec pairs, IntVec x) {
#ifdef __AVX512VNNI__
    return reinterpret_cast<IntVec>(_mm512_dpwssd_epi32(reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(x),
                                                        reinterpret_cast<__m512i>(pairs)));
#else
    return sum + (pairs << 16 >> 16) * (x << 16 >> 16) + (pairs >> 16) * (x >> 16);
#endif
  }
};

// c[Rows, 32] = (load ? c : 0) + a[Rows, depth] * panel.
template <typename Format, int Rows>
void Tile(const typename Format::Input* a, int64_t a_row, const uint8_t* panel, int64_t depth, float* c,
          int64_t c_stride, bool load) {
  Accumulators<Rows> acc;
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kPanelVectors; ++v) {
      acc.at[r][v] = load ? Load(c + r * c_stride + v * kLanes) : Broadcast(0.0f);
    }
  }
  Format::template Accumulate<Rows>(&acc, a, a_row, panel, depth);
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kPanelVectors; ++v) Store(c + r * c_stride + v * kLanes, acc.at[r][v]);
  }
}

#undef AZR_INLINE

}  // namespace azr
