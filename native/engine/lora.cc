#include "engine/lora.h"

#include <algorithm>
#include <cmath>

#include "engine/counter_random.h"
#include "engine/memory.h"
#include "engine/parallel.h"
#include "engine/status.h"

namespace azr {
namespace {

constexpr int64_t kMostRank = 1 << 12;
constexpr uint64_t kStream = 1ull << 32;  // apart from those that draw the weights

void Scale(std::vector<float>* values, int64_t count, float scale) {
  for (int64_t i = 0; i < count; ++i) (*values)[i] *= scale;
}

void Check(const LoraSettings& settings) {
  const auto invalid = [](const std::string& why) { throw EngineError("AZR_INPUT_INVALID", why); };
  if (settings.rank < 1 || settings.rank > kMostRank) invalid("lora.rank must be from 1 to " + std::to_string(kMostRank));
  if (!(settings.alpha > 0.0f) || !std::isfinite(settings.alpha)) invalid("lora.alpha must be a number above 0");
  if (settings.targets.empty()) invalid("lora.targets must name at least one matrix");
  for (const std::string& target : settings.targets) {
    if (std::find(LoraTargets().begin(), LoraTargets().end(), target) == LoraTargets().end()) {
      invalid("lora.targets: there is no matrix " + target);
    }
  }
}

}  // namespace

const std::vector<std::string>& LoraTargets() {
  static const std::vector<std::string> names{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};
  return names;
}

LoraLayout::LoraLayout(const ParameterLayout& layout, const LoraSettings& settings) {
  Check(settings);
  const std::string ending = ".weight";
  const auto add = [&](const std::string& name, int64_t rows, int64_t columns) {
    names.push_back({name, {rows, columns}, total});
    total += rows * columns;
    return names.back().offset;
  };
  for (const NamedTensor& tensor : layout.names) {
    const bool wanted = std::any_of(settings.targets.begin(), settings.targets.end(), [&](const std::string& target) {
      return tensor.name.ends_with("." + target + ending);
    });
    if (!wanted) continue;
    const std::string name = "base_model.model." + tensor.name.substr(0, tensor.name.size() - ending.size());
    const int64_t rows = tensor.dimensions[0], columns = tensor.dimensions[1];
    const int64_t a = add(name + ".lora_A.weight", settings.rank, columns);
    const int64_t b = add(name + ".lora_B.weight", rows, settings.rank);
    targets.push_back({tensor.offset, rows, columns, a, b});
  }
}

Lora::Lora(const ParameterLayout& layout, const LoraSettings& settings)
    : layout_(layout, settings), rank_(settings.rank), scale_(settings.alpha / static_cast<float>(settings.rank)) {
  values_.assign(layout_.total, 0.0f);
  for (size_t t = 0; t < layout_.targets.size(); ++t) {
    const Target& target = layout_.targets[t];
    const double bound = 1.0 / std::sqrt(static_cast<double>(target.columns));
    float* a = values_.data() + target.a;
    for (int64_t i = 0; i < rank_ * target.columns; ++i) {
      a[i] = static_cast<float>(bound * (2.0 * UniformAt(settings.seed, kStream + t, static_cast<uint64_t>(i)) - 1.0));
    }
  }
}

bool Lora::Covers(int64_t offset, int64_t size) const {
  return std::any_of(layout_.targets.begin(), layout_.targets.end(),
                     [&](const Target& t) { return t.offset >= offset && t.offset < offset + size; });
}

// One definition of the sum, so that weights are the same bits wherever they are merged.
void Lora::MergeRow(const Target& target, int64_t row, const float* base, float* out) const {
  constexpr int64_t kBlock = 64;
  const float *a = values_.data() + target.a, *b = values_.data() + target.b + row * rank_;
  for (int64_t begin = 0; begin < target.columns; begin += kBlock) {
    const int64_t width = std::min(kBlock, target.columns - begin);
    float sum[kBlock] = {};
    for (int64_t r = 0; r < rank_; ++r) {
      const float factor = b[r];
      const float* from = a + r * target.columns + begin;
      for (int64_t i = 0; i < width; ++i) sum[i] += factor * from[i];
    }
    for (int64_t i = 0; i < width; ++i) out[begin + i] = base[begin + i] + scale_ * sum[i];
  }
}

void Lora::MergeRows(int64_t offset, int64_t first, int64_t count, float* rows) const {
  for (const Target& target : layout_.targets) {
    if (target.offset != offset) continue;
    for (int64_t i = 0; i < count; ++i) {
      float* row = rows + i * target.columns;
      MergeRow(target, first + i, row, row);
    }
  }
}

const float* Lora::Merged(const float* base, int64_t offset, int64_t rows, int64_t columns) {
  Grow(&merged_, rows * columns, "merged weights");
  std::vector<const Target*> target_of(rows, nullptr);
  for (const Target& target : layout_.targets) {
    if (target.offset < offset || target.offset >= offset + rows * columns) continue;
    std::fill_n(target_of.begin() + (target.offset - offset) / columns, target.rows, &target);
  }
  ParallelFor(rows, 16, [&](int64_t row) {
    const Target* target = target_of[row];
    const float* from = base + row * columns;
    float* out = merged_.data() + row * columns;
    if (target == nullptr) {
      std::copy(from, from + columns, out);
    } else {
      MergeRow(*target, row - (target->offset - offset) / columns, from, out);
    }
  });
  return merged_.data();
}

void Lora::AddGradient(float* gradient, int64_t offset, const float* dy, int64_t dy_stride, const float* x,
                       int64_t x_stride, int64_t batch, int64_t rows, int64_t columns) {
  constexpr WeightFormat kFloat = WeightFormat::kFloat32;
  Grow(&low_, batch * rank_, "activations");
  for (const Target& target : layout_.targets) {
    if (target.offset < offset || target.offset >= offset + rows * columns) continue;
    const float *a = values_.data() + target.a, *b = values_.data() + target.b;
    const float* own_dy = dy + (target.offset - offset) / columns;
    packed_a_.PackTransposed(kFloat, a, rank_, columns);
    Multiply(x, x_stride, batch, packed_a_, low_.data(), rank_, false);
    Scale(&low_, batch * rank_, scale_);
    AccumulateOuter(kFloat, own_dy, dy_stride, low_.data(), rank_, batch, target.rows, rank_, gradient + target.b);
    Multiply(own_dy, dy_stride, batch, MatrixView{kFloat, b, target.rows, rank_}, low_.data(), rank_);
    Scale(&low_, batch * rank_, scale_);
    AccumulateOuter(kFloat, low_.data(), rank_, x, x_stride, batch, rank_, columns, gradient + target.a);
  }
}

int64_t Lora::scratch_bytes() const {
  return static_cast<int64_t>((merged_.capacity() + low_.capacity()) * sizeof(float)) + packed_a_.bytes();
}

}  // namespace azr
