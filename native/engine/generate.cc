#include "engine/generate.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <deque>
#include <fstream>
#include <memory>
#include <string>

#include "engine/counter_random.h"
#include "engine/kv_cache.h"
#include "engine/parallel.h"
#include "engine/status.h"

namespace azr {
namespace {

constexpr int64_t kPrefillTokens = 2048;  // most prompt tokens computed at once

// Memory that can be had without driving others out.
int64_t FreeBytes() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    long long kibibytes = 0;
    if (std::sscanf(line.c_str(), "MemAvailable: %lld", &kibibytes) == 1) return kibibytes * 1024;
  }
  return int64_t{sysconf(_SC_AVPHYS_PAGES)} * sysconf(_SC_PAGESIZE);
}

struct Prompt {
  int64_t index = 0, length = 0, next_sample = 0;
  std::unique_ptr<KvCache> cache;
  std::vector<float> logits;  // [vocabulary], after the last prompt token
};

struct Row {
  std::shared_ptr<Prompt> prompt;
  int64_t sample = 0, slot = 0;
  int32_t last_token = 0;
  int64_t generated = 0;
};

class Session {
 public:
  Session(Model* model, Decoder* decoder, Head* head, const TokenRows& prompts, const GenerateSettings& settings,
          const std::atomic<bool>& abort)
      : model_(model), decoder_(decoder), head_(head), prompts_(prompts), settings_(settings), abort_(abort) {
    const int64_t rows = static_cast<int64_t>(prompts.lengths.size()) * settings.samples;
    tokens_.resize(rows);
    log_probabilities_.resize(rows);
    stopped_.assign(rows, 0);
    offsets_.push_back(0);
    for (int32_t length : prompts.lengths) offsets_.push_back(offsets_.back() + length);
    const int64_t slots = std::min(rows, RowsThatFit());
    for (int64_t i = 0; i < slots; ++i) free_slots_.push_back(i);
    slots_.resize(slots);
  }

  GenerateResult Run() {
    const int64_t refill = std::max<int64_t>(1, static_cast<int64_t>(slots_.size()) / 4);
    while (true) {
      const bool waiting = !ready_.empty() || next_prompt_ < static_cast<int64_t>(prompts_.lengths.size());
      if (rows_.empty() && !waiting) break;
      if (waiting && (rows_.empty() || static_cast<int64_t>(free_slots_.size()) >= refill)) Admit();
      if (!rows_.empty()) Decode();
    }
    return Collect();
  }

 private:
  void CheckAbort() const {
    if (abort_.load(std::memory_order_relaxed)) throw EngineError("AZR_ABORTED", "generation was aborted");
  }

  void CheckNumerics() const {
    if (overflowed_.load(std::memory_order_relaxed)) {
      throw EngineError("AZR_NUMERICS", "the model's logits are not finite numbers");
    }
  }

  // Rows whose keys and values fit the budget, each with its share of its prompt's. A prompt is held until its last sample has ended.
  int64_t RowsThatFit() const {
    const int32_t longest = prompts_.lengths.empty() ? 0 : *std::max_element(prompts_.lengths.begin(), prompts_.lengths.end());
    const int64_t own = KvCache::Bytes(model_->shape(), settings_.max_tokens), prompt = KvCache::Bytes(model_->shape(), longest);
    const int64_t budget = settings_.cache_bytes > 0 ? settings_.cache_bytes : FreeBytes() / 2;
    if (own + prompt > budget) {
      throw EngineError("AZR_OUT_OF_MEMORY", "keys and values of one completion take " + std::to_string(own + prompt) + " bytes (a prompt of " +
                                                 std::to_string(longest) + " tokens and maxTokens " + std::to_string(settings_.max_tokens) + "), and " +
                                                 std::to_string(budget) + " are there for them: lower maxTokens or raise cacheBytes");
    }
    const int64_t together = own + (prompt + settings_.samples - 1) / settings_.samples;
    return std::clamp<int64_t>((budget - prompt) / std::max<int64_t>(1, together), 1, settings_.max_rows);
  }

  int64_t RowIndex(const Prompt& prompt, int64_t sample) const { return prompt.index * settings_.samples + sample; }

  // The logits from which a row's next token is drawn.
  const float* Changed(const Prompt& prompt, int64_t row, const float* logits) const {
    const bool early = static_cast<int64_t>(tokens_[row].size()) < settings_.min_tokens;
    if (!early && !settings_.changes.any()) return logits;
    const int64_t size = model_->shape().vocabulary;
    thread_local std::vector<float> changed;
    changed.assign(logits, logits + size);
    const int32_t* tokens = prompts_.tokens.data() + offsets_[prompt.index];
    ChangeLogits(changed.data(), size, settings_.changes, {tokens, static_cast<size_t>(prompt.length)}, tokens_[row],
                 early ? std::span<const int32_t>(settings_.stop_tokens) : std::span<const int32_t>());
    return changed.data();
  }

  // Tells of the token that a row drew last.
  void Note(int64_t row) {
    if (settings_.on_tokens) drawn_.push_back({static_cast<int32_t>(row), tokens_[row].back(), log_probabilities_[row].back()});
  }
  void Tell() {
    if (settings_.on_tokens && !drawn_.empty()) settings_.on_tokens(drawn_);
    drawn_.clear();
  }

  // Samples the next token of a row from its logits; returns true when the row is finished.
  bool Take(const Prompt& prompt, int64_t sample, const float* logits, int32_t* token) {
    const int64_t row = RowIndex(prompt, sample);
    const bool own_seed = !settings_.seeds.empty();
    const double uniform = UniformAt(own_seed ? settings_.seeds[prompt.index] : settings_.seed,
                                     static_cast<uint64_t>(own_seed ? sample : row), tokens_[row].size());
    const int64_t size = model_->shape().vocabulary;
    if (!std::all_of(logits, logits + size, [](float logit) { return std::isfinite(logit); })) {
      overflowed_.store(true, std::memory_order_relaxed);  // thrown later: the team's threads must not
      return true;
    }
    *token = SampleToken(Changed(prompt, row, logits), size, settings_.sampler, uniform);
    tokens_[row].push_back(*token);
    log_probabilities_[row].push_back(logits[*token] - LogSumExp(logits, size));
    const auto& stops = settings_.stop_tokens;
    if (std::find(stops.begin(), stops.end(), *token) != stops.end()) stopped_[row] = 1;
    return stopped_[row] || static_cast<int64_t>(tokens_[row].size()) >= settings_.max_tokens;
  }

  // Starts samples while slots are free, prefilling prompts as they are needed.
  void Admit() {
    while (!free_slots_.empty()) {
      if (ready_.empty()) {
        if (next_prompt_ >= static_cast<int64_t>(prompts_.lengths.size())) break;
        Prefill();
      }
      std::shared_ptr<Prompt> prompt = ready_.front();
      Row row{prompt, prompt->next_sample++, 0, 0, 1};
      if (prompt->next_sample >= settings_.samples) ready_.pop_front();
      const bool finished = Take(*prompt, row.sample, prompt->logits.data(), &row.last_token);
      CheckNumerics();
      Note(RowIndex(*prompt, row.sample));
      if (finished) continue;
      row.slot = free_slots_.back();
      free_slots_.pop_back();
      if (!slots_[row.slot]) slots_[row.slot] = std::make_unique<KvCache>(model_->shape(), settings_.max_tokens);
      rows_.push_back(row);
    }
    Tell();
  }

  // Computes as many prompts as the free slots can use, at most kPrefillTokens tokens of them (at least one prompt).
  void Prefill() {
    CheckAbort();
    const ModelShape& shape = model_->shape();
    PackedBatch batch;
    std::vector<std::shared_ptr<Prompt>> admitted;
    std::vector<int64_t> last_rows;
    int64_t samples = 0;
    while (next_prompt_ < static_cast<int64_t>(prompts_.lengths.size())) {
      const int64_t length = prompts_.lengths[next_prompt_];
      if (!admitted.empty() && (batch.rows() + length > kPrefillTokens ||
                                samples >= static_cast<int64_t>(free_slots_.size()))) {
        break;
      }
      auto prompt = std::make_shared<Prompt>();
      prompt->index = next_prompt_;
      prompt->length = length;
      prompt->cache = std::make_unique<KvCache>(shape, length);
      batch.groups.push_back({batch.rows(), length, {}});
      for (int64_t i = 0; i < length; ++i) {
        batch.tokens.push_back(prompts_.tokens[offsets_[next_prompt_] + i]);
        batch.positions.push_back(static_cast<int32_t>(i));
      }
      last_rows.push_back(batch.rows() - 1);
      admitted.push_back(std::move(prompt));
      samples += settings_.samples;
      ++next_prompt_;
    }
    decoder_->set_qkv_observer([&](int64_t layer, const float* qkv) {
      ParallelFor(static_cast<int64_t>(admitted.size()), 1, [&](int64_t p) {
        for (int64_t i = 0; i < admitted[p]->length; ++i) {
          admitted[p]->cache->Write(layer, i, qkv + (batch.groups[p].begin + i) * shape.qkv_width(), shape);
        }
      });
    });
    try {
      decoder_->Forward(batch, /*keep=*/false);
    } catch (...) {
      decoder_->set_qkv_observer(nullptr);  // it refers to this call's locals
      throw;
    }
    decoder_->set_qkv_observer(nullptr);
    const float* logits = head_->Logits(decoder_->hidden(), last_rows.data(), static_cast<int64_t>(last_rows.size()));
    for (size_t p = 0; p < admitted.size(); ++p) {
      const float* row = logits + static_cast<int64_t>(p) * head_->logit_stride();
      admitted[p]->logits.assign(row, row + shape.vocabulary);
      ready_.push_back(std::move(admitted[p]));
    }
  }

  // One token for every active row.
  void Decode() {
    CheckAbort();
    const ModelShape& shape = model_->shape();
    const int64_t count = static_cast<int64_t>(rows_.size());
    std::vector<int32_t> tokens(count), positions(count);
    std::vector<int64_t> index(count);
    for (int64_t r = 0; r < count; ++r) {
      tokens[r] = rows_[r].last_token;
      positions[r] = static_cast<int32_t>(rows_[r].prompt->length + rows_[r].generated - 1);
      index[r] = r;
    }
    const int64_t shared = shape.heads / shape.key_value_heads;
    decoder_->Forward(tokens, positions, [&](int64_t layer, float* qkv, float* out) {
      const AttentionShape attention = shape.attention(layer);
      ParallelFor(count, 2, [&](int64_t r) {
        const Row& row = rows_[r];
        KvCache& own = *slots_[row.slot];
        const float* line = qkv + r * shape.qkv_width();
        own.Write(layer, row.generated - 1, line, shape);
        thread_local std::vector<float> scores;
        scores.resize((KeyBlocks(row.prompt->length) + KeyBlocks(row.generated)) * kKeyBlock);
        const int64_t first = attention.first_seen(positions[r]), prompt = row.prompt->length;
        for (int64_t h = 0; h < shape.heads; ++h) {
          const int64_t kv = h / shared;
          AttendRow(line + h * shape.head_size, row.prompt->cache->Span(layer, kv, prompt, first),
                    own.Span(layer, kv, row.generated, first - prompt), shape.head_size, attention.scale,
                    scores.data(), out + (r * shape.heads + h) * shape.head_size);
        }
      });
    });
    const float* logits = head_->Logits(decoder_->hidden(), index.data(), count);
    std::vector<uint8_t> finished(count);
    ParallelFor(count, 4, [&](int64_t r) {
      Row& row = rows_[r];
      finished[r] = Take(*row.prompt, row.sample, logits + r * head_->logit_stride(), &row.last_token);
      ++row.generated;
    });
    CheckNumerics();
    for (const Row& row : rows_) Note(RowIndex(*row.prompt, row.sample));
    Tell();
    std::vector<Row> active;
    active.reserve(rows_.size());
    for (int64_t r = 0; r < count; ++r) {
      if (finished[r]) {
        free_slots_.push_back(rows_[r].slot);
      } else {
        active.push_back(std::move(rows_[r]));
      }
    }
    rows_.swap(active);
  }

  GenerateResult Collect() {
    GenerateResult result;
    result.stopped = std::move(stopped_);
    for (size_t r = 0; r < tokens_.size(); ++r) {
      result.completions.lengths.push_back(static_cast<int32_t>(tokens_[r].size()));
      result.completions.tokens.insert(result.completions.tokens.end(), tokens_[r].begin(), tokens_[r].end());
      result.log_probabilities.insert(result.log_probabilities.end(), log_probabilities_[r].begin(),
                                      log_probabilities_[r].end());
    }
    return result;
  }

  Model* model_;
  Decoder* decoder_;
  Head* head_;
  const TokenRows& prompts_;
  const GenerateSettings& settings_;
  const std::atomic<bool>& abort_;
  std::vector<int64_t> offsets_;
  int64_t next_prompt_ = 0;
  std::deque<std::shared_ptr<Prompt>> ready_;  // prefilled, with samples still to start
  std::vector<Row> rows_;                      // being decoded
  std::vector<int64_t> free_slots_;
  std::vector<std::unique_ptr<KvCache>> slots_;
  std::vector<std::vector<int32_t>> tokens_;
  std::vector<std::vector<float>> log_probabilities_;
  std::vector<uint8_t> stopped_;
  std::vector<DrawnToken> drawn_;
  std::atomic<bool> overflowed_{false};
};

}  // namespace

GenerateResult Generate(Model* model, Decoder* decoder, Head* head, const TokenRows& prompts,
                        const GenerateSettings& settings, const std::atomic<bool>& abort) {
  return Session(model, decoder, head, prompts, settings, abort).Run();
}

}  // namespace azr
