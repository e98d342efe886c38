#include "engine/generate.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <string>

#include "engine/cached_step.h"
#include "engine/counter_random.h"
#include "engine/kv_cache.h"
#include "engine/memory.h"
#include "engine/parallel.h"
#include "engine/status.h"

namespace azr {
namespace {

constexpr int64_t kLeastPromptRows = 16;  // of prompts in a step, however many rows are being decoded

struct Prompt {
  int64_t index = 0, length = 0;
  int64_t computed = 0;     // tokens whose keys and values are in the cache
  int64_t next_sample = 0;  // the first that has not begun
  int64_t unfinished = 0;   // samples that have not ended
  std::unique_ptr<KvCache> cache;
  std::vector<float> logits;  // [vocabulary], after the last prompt token
};

struct Row {
  std::shared_ptr<Prompt> prompt;
  int64_t sample = 0, generated = 0;
  std::unique_ptr<KvCache> cache;
  int32_t last_token = 0;
  const float* logits = nullptr;  // for the next token
  bool finished = false;
};

// Prompts are admitted in order, each once a row of it has room; they are computed in pieces that share steps with the rows being decoded.
class Session {
 public:
  Session(Model* model, Decoder* decoder, Head* head, const TokenRows& prompts, const GenerateSettings& settings, const std::atomic<bool>& abort)
      : model_(model), decoder_(decoder), head_(head), step_(model, decoder), prompts_(prompts), settings_(settings), abort_(abort) {
    const int64_t rows = static_cast<int64_t>(prompts.lengths.size()) * settings.samples;
    tokens_.resize(rows);
    log_probabilities_.resize(rows);
    stopped_.assign(rows, 0);
    offsets_.push_back(0);
    for (int32_t length : prompts.lengths) offsets_.push_back(offsets_.back() + length);
    budget_ = settings.cache_bytes > 0 ? settings.cache_bytes : FreeBytes() / 2;
    own_bytes_ = KvCache::Bytes(model_->shape(), settings.max_tokens);
    CheckForbidden();
    CheckBudget();
  }

  GenerateResult Run() {
    while (next_prompt_ < static_cast<int64_t>(prompts_.lengths.size()) || waiting_ > 0 || !rows_.empty()) {
      AdmitPrompts();
      StartRows();
      if (!rows_.empty() || !computing_.empty()) Step();
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

  // While no stop token may come, some token must.
  void CheckForbidden() const {
    if (settings_.min_tokens == 0) return;
    std::vector<bool> stops(model_->shape().vocabulary, false);
    for (const int32_t token : settings_.stop_tokens) {
      if (token < model_->shape().vocabulary) stops[token] = true;
    }
    if (std::all_of(stops.begin(), stops.end(), [](bool stop) { return stop; })) {
      throw EngineError("AZR_INPUT_INVALID", "stopTokens are the whole vocabulary, so minTokens cannot be kept");
    }
  }

  // The longest prompt must fit with one row.
  void CheckBudget() const {
    const int32_t longest = prompts_.lengths.empty() ? 0 : *std::max_element(prompts_.lengths.begin(), prompts_.lengths.end());
    const int64_t together = own_bytes_ + PromptBytes(longest);
    if (together <= budget_) return;
    throw EngineError("AZR_OUT_OF_MEMORY", "keys and values of one completion take " + std::to_string(together) + " bytes (a prompt of " +
                                               std::to_string(longest) + " tokens and maxTokens " + std::to_string(settings_.max_tokens) + "), and " +
                                               std::to_string(budget_) + " are there for them: lower maxTokens or raise cacheBytes");
  }

  int64_t PromptBytes(int64_t length) const { return KvCache::Bytes(model_->shape(), length, settings_.step_rows); }
  int64_t SpareBytes() const { return static_cast<int64_t>(spare_.size()) * own_bytes_; }

  // Rows that could start now if `bytes` more were held.
  int64_t Room(int64_t bytes) const {
    return std::min<int64_t>(settings_.max_rows - static_cast<int64_t>(rows_.size()), (budget_ - held_ - bytes) / own_bytes_);
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

  // Draws the next token of a row from its logits.
  void Draw(Row* row) {
    const Prompt& prompt = *row->prompt;
    const int64_t index = RowIndex(prompt, row->sample), size = model_->shape().vocabulary;
    const float* logits = row->logits;
    const bool own_seed = !settings_.seeds.empty();
    const double uniform = UniformAt(own_seed ? settings_.seeds[prompt.index] : settings_.seed,
                                     static_cast<uint64_t>(own_seed ? row->sample : index), tokens_[index].size());
    if (!std::all_of(logits, logits + size, [](float logit) { return std::isfinite(logit); })) {
      overflowed_.store(true, std::memory_order_relaxed);  // thrown later: the team's threads must not
      return;
    }
    row->last_token = SampleToken(Changed(prompt, index, logits), size, settings_.sampler, uniform);
    ++row->generated;
    tokens_[index].push_back(row->last_token);
    log_probabilities_[index].push_back(logits[row->last_token] - LogSumExp(logits, size));
    const auto& stops = settings_.stop_tokens;
    if (std::find(stops.begin(), stops.end(), row->last_token) != stops.end()) stopped_[index] = 1;
    row->finished = stopped_[index] || row->generated >= settings_.max_tokens;
  }

  // Draws for the rows from `first` on, tells of it, and lets those go that have finished.
  void DrawRows(size_t first) {
    const int64_t grain = std::max<int64_t>(1, 16384 / model_->shape().vocabulary);
    ParallelFor(static_cast<int64_t>(rows_.size() - first), grain, [&](int64_t r) { Draw(&rows_[first + r]); });
    CheckNumerics();
    if (settings_.on_tokens) {
      std::vector<DrawnToken> drawn;
      for (size_t r = first; r < rows_.size(); ++r) {
        const int64_t index = RowIndex(*rows_[r].prompt, rows_[r].sample);
        drawn.push_back({static_cast<int32_t>(index), tokens_[index].back(), log_probabilities_[index].back()});
      }
      if (!drawn.empty()) settings_.on_tokens(drawn);
    }
    std::erase_if(rows_, [&](Row& row) {
      if (row.finished) Leave(&row);
      return row.finished;
    });
  }

  void Leave(Row* row) {
    if (row->cache) {
      held_ -= own_bytes_;
      spare_.push_back(std::move(row->cache));
    }
    if (--row->prompt->unfinished > 0) return;
    row->prompt->cache.reset();
    held_ -= PromptBytes(row->prompt->length);
  }

  // Takes prompts in while a row of the next one would have room beside the rows that are waiting already.
  void AdmitPrompts() {
    while (next_prompt_ < static_cast<int64_t>(prompts_.lengths.size())) {
      auto prompt = std::make_shared<Prompt>();
      prompt->index = next_prompt_;
      prompt->length = prompts_.lengths[next_prompt_];
      prompt->unfinished = settings_.samples;
      const int64_t bytes = PromptBytes(prompt->length);
      if (Room(bytes) <= waiting_) break;
      held_ += bytes;
      while (!spare_.empty() && held_ + SpareBytes() > budget_) spare_.pop_back();
      prompt->cache = std::make_unique<KvCache>(model_->shape(), prompt->length, settings_.step_rows);
      most_held_ = std::max(most_held_, held_ + SpareBytes());
      waiting_ += settings_.samples;
      computing_.push_back(std::move(prompt));
      ++next_prompt_;
    }
  }

  // Starts samples of computed prompts while there is room, with the token that comes after the prompt.
  void StartRows() {
    while (!ready_.empty() && Room(0) > 0) {
      CheckAbort();
      const size_t first = rows_.size();
      for (int64_t room = Room(0); room > 0 && !ready_.empty(); --room, --waiting_) {
        Row row;
        row.prompt = ready_.front();
        row.sample = row.prompt->next_sample++;
        row.logits = row.prompt->logits.data();
        if (row.prompt->next_sample >= settings_.samples) ready_.pop_front();
        rows_.push_back(std::move(row));
      }
      DrawRows(first);
      for (size_t r = first; r < rows_.size(); ++r) {
        held_ += own_bytes_;
        if (spare_.empty()) spare_.push_back(std::make_unique<KvCache>(model_->shape(), settings_.max_tokens));
        rows_[r].cache = std::move(spare_.back());
        spare_.pop_back();
        most_held_ = std::max(most_held_, held_ + SpareBytes());
      }
    }
  }

  // One token for every row, and with them the next piece of the prompts that are being computed.
  void Step() {
    CheckAbort();
    std::vector<CachedPart> parts;
    std::vector<int64_t> wanted;  // rows of the step whose logits are needed
    int64_t count = 0;
    for (Row& row : rows_) {
      parts.push_back({&row.last_token, 1, row.prompt->cache.get(), row.prompt->length, row.cache.get(), row.generated - 1});
      wanted.push_back(count++);
    }
    const int64_t most = std::max(settings_.step_rows, count + std::min(settings_.step_rows, kLeastPromptRows));
    int64_t computed = 0;  // prompts that are whole with this step
    for (const std::shared_ptr<Prompt>& prompt : computing_) {
      const int64_t rows = std::min(most - count, prompt->length - prompt->computed);
      if (rows <= 0) break;
      parts.push_back({prompts_.tokens.data() + offsets_[prompt->index] + prompt->computed, rows, nullptr, 0, prompt->cache.get(), prompt->computed});
      prompt->computed += rows;
      count += rows;
      if (prompt->computed < prompt->length) break;
      wanted.push_back(count - 1);
      ++computed;
    }
    step_.Forward(parts);
    const float* logits = head_->Logits(decoder_->hidden(), wanted.data(), static_cast<int64_t>(wanted.size()));
    for (Row& row : rows_) {
      row.logits = logits;
      logits += head_->logit_stride();
    }
    for (; computed > 0; --computed) {
      computing_.front()->logits.assign(logits, logits + model_->shape().vocabulary);
      logits += head_->logit_stride();
      ready_.push_back(std::move(computing_.front()));
      computing_.pop_front();
    }
    DrawRows(0);
  }

  GenerateResult Collect() {
    GenerateResult result;
    result.stopped = std::move(stopped_);
    result.cache_bytes = most_held_;
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
  CachedStep step_;
  const TokenRows& prompts_;
  const GenerateSettings& settings_;
  const std::atomic<bool>& abort_;
  std::vector<int64_t> offsets_;
  int64_t budget_ = 0, own_bytes_ = 0;  // bytes of keys and values: at most, and of one row
  int64_t held_ = 0, most_held_ = 0;    // by admitted prompts and rows; and the most, with those of rows that have left
  int64_t next_prompt_ = 0, waiting_ = 0;                  // the next to admit; samples of admitted prompts that have not begun
  std::deque<std::shared_ptr<Prompt>> computing_, ready_;  // admitted; and those of them that are whole, with samples still to start
  std::vector<Row> rows_;                                  // being decoded
  std::vector<std::unique_ptr<KvCache>> spare_;            // of rows that have left
  std::vector<std::vector<int32_t>> tokens_;
  std::vector<std::vector<float>> log_probabilities_;
  std::vector<uint8_t> stopped_;
  std::atomic<bool> overflowed_{false};
};

}  // namespace

GenerateResult Generate(Model* model, Decoder* decoder, Head* head, const TokenRows& prompts,
                        const GenerateSettings& settings, const std::atomic<bool>& abort) {
  return Session(model, decoder, head, prompts, settings, abort).Run();
}

}  // namespace azr
