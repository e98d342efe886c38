// Causal attention over at most two spans of keys: the shared prompt, then the row's own completion, both cut to the last
// keys where the layer has a window. One kernel with a
// fixed order of keys serves prefill, decode, scoring and training, and its gradient stands beside it. Keys lie in
// blocks of 16 transposed to [head_size][16], so that 16 scores are computed per instruction, each score being one
// chain over the head's dimensions. Head sizes are multiples of 16. Engine thread only; buffers are the caller's.
#pragma once

#include <cstdint>
#include <vector>

namespace azr {

inline constexpr int64_t kKeyBlock = 16;

// Keys and values of one span for one key/value head.
struct KeySpan {
  const float* key_blocks;   // [ceil(count / 16)][head_size][16]
  const float* values;       // row i at values + i * value_stride
  int64_t value_stride;
  int64_t count;             // keys up to the last that the query may see
  int64_t skip = 0;          // keys at the beginning that it may not see, below 16: blocks keep their places
};

inline int64_t KeyBlocks(int64_t count) { return (count + kKeyBlock - 1) / kKeyBlock; }

// The span without its keys before `first`; without any when there are no others.
inline KeySpan From(const KeySpan& span, int64_t first, int64_t head_size) {
  if (first <= 0) return span;
  if (first >= span.count) return {nullptr, nullptr, 0, 0};
  const int64_t passed = first / kKeyBlock * kKeyBlock;
  return {span.key_blocks + passed * head_size, span.values + passed * span.value_stride, span.value_stride,
          span.count - passed, first - passed};
}

// Writes one key into its place in the span's blocks.
inline void StoreKey(float* key_blocks, int64_t index, const float* key, int64_t head_size) {
  float* block = key_blocks + (index / kKeyBlock) * head_size * kKeyBlock + index % kKeyBlock;
  for (int64_t d = 0; d < head_size; ++d) block[d * kKeyBlock] = key[d];
}

// out[head_size] = softmax(scale * q . k) v over the keys of both spans (one may be empty). Returns the
// log-sum-exp of the scaled scores. `scores` is scratch of at least 16 * (blocks of both spans) floats.
float AttendRow(const float* query, const KeySpan& first, const KeySpan& second, int64_t head_size, float scale,
                float* scores, float* out);

// Turns `used` scores (a multiple of 16; -infinity where there is no key) into exp(score - highest), in place, and gives their sum and the highest.
struct SoftmaxSums {
  float sum, highest;
};
SoftmaxSums SoftmaxWeights(float* scores, int64_t used);
// Turns them into exp(score - log_sum_exp), the weights themselves, in place; 0 where there is no key.
void SoftmaxAgain(float* scores, int64_t used, float log_sum_exp);

// A prompt with its completions, as rows of a packed batch: rows [begin, begin + prompt) and then each completion's rows.
struct RowGroup {
  int64_t begin = 0;
  int64_t prompt = 0;
  std::vector<int64_t> completions;  // row counts, in order
  int64_t rows() const {
    int64_t total = prompt;
    for (int64_t c : completions) total += c;
    return total;
  }
};

struct AttentionShape {
  int64_t heads, key_value_heads, head_size;
  float scale;         // what multiplies q . k
  int64_t window = 0;  // positions that a query sees, its own included; 0: all before it
  // The first position that the query at `position` sees.
  int64_t first_seen(int64_t position) const { return window > 0 && position >= window ? position - window + 1 : 0; }
  int64_t query_width() const { return heads * head_size; }
  int64_t row_width() const { return (heads + 2 * key_value_heads) * head_size; }
};

// qkv[rows, row_width] holds rotated queries and keys, and values. out[rows, query_width]; log_sum_exp[rows, heads].
void AttendGroups(const std::vector<RowGroup>& groups, const AttentionShape& shape, const float* qkv, float* out,
                  float* log_sum_exp);

// dqkv[rows, row_width] receives the gradient of qkv, given out, its gradient dout and log_sum_exp of the forward.
void AttendGroupsBackward(const std::vector<RowGroup>& groups, const AttentionShape& shape, const float* qkv,
                          const float* out, const float* log_sum_exp, const float* dout, float* dqkv);

}  // namespace azr
