// Sampling through caches of keys and values: prompts computed in pieces of any size give the same bits, the trainer repeats them, queries that
// are attended to together get what each would get alone, and the budget for caches holds.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine/attend_tile.h"
#include "engine/engine.h"
#include "engine/kv_cache.h"
#include "engine/status.h"
#include "engine_reference.h"

namespace azr::test {
namespace {

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::vector<float> RandomFloats(uint64_t seed, uint64_t stream, int64_t count) {
  std::vector<float> out(count);
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<float>(Draw(seed, stream, i, -1000, 1000)) / 700.0f;
  return out;
}

struct Span {
  std::vector<float> blocks, values;
  KeySpan Of(int64_t count, int64_t head_size, int64_t skip = 0) const { return {blocks.data(), values.data(), head_size, count, skip}; }
};

Span RandomSpan(uint64_t stream, int64_t count, int64_t head_size) {
  Span span;
  // What lies past the last key must not matter.
  span.blocks.assign(KeyBlocks(count) * kKeyBlock * head_size, std::nanf(""));
  span.values = RandomFloats(2, stream, count * head_size);
  const std::vector<float> keys = RandomFloats(3, stream, count * head_size);
  for (int64_t i = 0; i < count; ++i) StoreKey(span.blocks.data(), i, keys.data() + i * head_size, head_size);
  return span;
}

TEST(AttendTile, IsAttendRowForEachQuery) {
  uint64_t trial = 0;
  for (int64_t head_size : {16, 32, 48, 64, 80, 112, 128, 144, 208, 256}) {
    for (int count = 1; count <= kTileQueries; ++count) {
      for (int64_t longest : {1, 3, 15, 16, 17, 63, 64, 65, 66, 100, 131}) {
        ++trial;
        const int per_row = static_cast<int>(Draw(4, trial, 0, 1, count));
        const Span first = RandomSpan(10 * trial, longest, head_size);
        std::vector<Span> seconds;
        std::vector<std::vector<float>> queries, outs(count, std::vector<float>(head_size));
        std::vector<TileQuery> tile;
        const bool completions = trial % 2 == 0;
        const int64_t skip = trial % 3 == 0 ? Draw(7, trial, 0, 0, std::min<int64_t>(15, longest - 1)) : 0;
        std::vector<int64_t> second_counts;
        for (int row = 0; row * per_row < count; ++row) {
          second_counts.push_back(completions ? Draw(5, trial, row, 1, 40) : 0);
          seconds.push_back(RandomSpan(10 * trial + 1 + row, second_counts.back(), head_size));
        }
        for (int q = 0; q < count; ++q) {
          const int row = q / per_row;
          queries.push_back(RandomFloats(6, trial * 10 + q, head_size));
          const int64_t sees = completions ? longest : std::max<int64_t>(skip + 1, longest - (count - 1) / per_row + row);
          const KeySpan second = completions ? seconds[row].Of(second_counts[row], head_size) : KeySpan{nullptr, nullptr, 0, 0};
          tile.push_back({queries.back().data(), std::min(longest, sees), second, outs[q].data()});
        }
        for (int q = 0; q < count; ++q) tile[q].query = queries[q].data();
        std::vector<float> scratch, scores(512), alone(head_size);
        AttendTile(first.Of(0, head_size, skip), tile.data(), count, head_size, 0.37f, &scratch);
        for (int q = 0; q < count; ++q) {
          AttendRow(tile[q].query, first.Of(tile[q].first_count, head_size, skip), tile[q].second, head_size, 0.37f, scores.data(), alone.data());
          ASSERT_TRUE(SameBits(outs[q], alone)) << "head size " << head_size << ", query " << q << " of " << count << ", keys " << longest;
        }
      }
    }
  }
}

// Gradients of tiles of any size are those of tiles of one query, to the bit.
TEST(AttendTile, GradientsDoNotDependOnTheTiles) {
  uint64_t trial = 0;
  for (int64_t head_size : {16, 48, 64, 80, 128, 144}) {
    for (int count = 1; count <= kTileQueries; ++count) {
      for (int64_t longest : {1, 15, 16, 17, 65, 131}) {
        ++trial;
        const bool completions = trial % 2 == 0;
        const int64_t skip = trial % 3 == 0 ? Draw(7, trial, 0, 0, std::min<int64_t>(15, longest - 1)) : 0, own = completions ? 40 : 0;
        // One buffer holds the first span and then the second, which rows see more and more of.
        const int64_t first_blocks = KeyBlocks(longest), rows = first_blocks * kKeyBlock + KeyBlocks(own) * kKeyBlock;
        const std::vector<float> keys = RandomFloats(2, trial, rows * head_size), values = RandomFloats(3, trial, rows * head_size);
        std::vector<float> key_blocks(rows * head_size), value_blocks(rows * head_size);
        for (int64_t i = 0; i < rows; ++i) {
          StoreKey(key_blocks.data(), i, keys.data() + i * head_size, head_size);
          StoreKey(value_blocks.data(), i, values.data() + i * head_size, head_size);
        }
        const auto span = [&](int64_t block, int64_t seen, int64_t skipped) {
          return KeySpan{key_blocks.data() + block * kKeyBlock * head_size, keys.data() + block * kKeyBlock * head_size, head_size, seen, skipped};
        };
        const std::vector<float> queries = RandomFloats(4, trial, count * head_size), douts = RandomFloats(5, trial, count * head_size);
        std::vector<float> dqueries[2], dkeys[2], dvalues[2];
        for (int together : {0, 1}) {
          dqueries[together].assign(count * head_size, 7.0f);
          dkeys[together] = RandomFloats(6, trial, rows * head_size);  // they are added to
          dvalues[together] = RandomFloats(8, trial, rows * head_size);
          std::vector<TileQueryGradient> tile;
          for (int q = 0; q < count; ++q) {
            const int64_t sees = completions ? longest : std::max<int64_t>(skip + 1, longest - (count - 1 - q) / 2);
            const KeySpan second = completions ? span(first_blocks, own - (count - 1 - q) / 3, 0) : KeySpan{nullptr, nullptr, 0, 0};
            tile.push_back({queries.data() + q * head_size, douts.data() + q * head_size, 0.1f * static_cast<float>(q), 2.0f, sees, second,
                            dqueries[together].data() + q * head_size});
          }
          const TileGradients gradients{key_blocks.data(), value_blocks.data(), keys.data(), dkeys[together].data(), dvalues[together].data()};
          std::vector<float> scratch;
          const KeySpan first = span(0, 0, skip);
          if (together == 1) AttendTileBackward(gradients, first, tile.data(), count, head_size, 0.37f, &scratch);
          for (int q = 0; together == 0 && q < count; ++q) AttendTileBackward(gradients, first, &tile[q], 1, head_size, 0.37f, &scratch);
        }
        ASSERT_TRUE(SameBits(dqueries[0], dqueries[1])) << "head size " << head_size << ", queries " << count << ", keys " << longest;
        ASSERT_TRUE(SameBits(dkeys[0], dkeys[1])) << "head size " << head_size << ", queries " << count << ", keys " << longest;
        ASSERT_TRUE(SameBits(dvalues[0], dvalues[1])) << "head size " << head_size << ", queries " << count << ", keys " << longest;
      }
    }
  }
}

struct HeadLayout {
  const char* name;
  int64_t heads, key_value_heads, head_size;
  int64_t window = 0;  // of the first layer of two
};

class CacheTest : public ::testing::TestWithParam<HeadLayout> {
 protected:
  static constexpr int64_t kVocabulary = 67;

  static std::unique_ptr<Engine> Open(int threads) {
    const HeadLayout& c = GetParam();
    ModelShape shape = TinyShape(kVocabulary, 40, 2, c.heads, c.key_value_heads, c.head_size, 48, true);
    shape.max_positions = 512;
    if (c.window > 0) shape.windows = {c.window, 0};
    auto engine = std::make_unique<Engine>(shape, threads);
    Randomize(const_cast<Model*>(&engine->model()), 23);
    return engine;
  }

  static TokenRows Prompts(const std::vector<int64_t>& lengths) {
    TokenRows prompts;
    for (int64_t length : lengths) {
      const auto tokens = RandomTokens(4, static_cast<uint64_t>(length), length, kVocabulary);
      prompts.tokens.insert(prompts.tokens.end(), tokens.begin(), tokens.end());
      prompts.lengths.push_back(static_cast<int32_t>(length));
    }
    return prompts;
  }

  // Long prompts of odd lengths among short ones: with the smallest pieces the longest takes more than twenty.
  static TokenRows Mixed() { return Prompts({3, 333, 1, 17, 16, 95, 200, 15, 97, 2}); }

  static GenerateSettings Sampling() {
    GenerateSettings settings;
    settings.samples = 3;
    settings.max_tokens = 21;
    settings.seed = 78;
    settings.stop_tokens = {3};
    return settings;
  }

  static void ExpectSame(const GenerateResult& a, const GenerateResult& b, const std::string& what) {
    EXPECT_EQ(a.completions.tokens, b.completions.tokens) << what;
    EXPECT_EQ(a.completions.lengths, b.completions.lengths) << what;
    EXPECT_TRUE(SameBits(a.log_probabilities, b.log_probabilities)) << what;
    EXPECT_EQ(a.stopped, b.stopped) << what;
  }
};

TEST_P(CacheTest, PiecesOfPromptsChangeNoBit) {
  GenerateSettings settings = Sampling();
  settings.step_rows = 1 << 20;
  const GenerateResult whole = Open(1)->Generate(Mixed(), settings, kNoAbort);
  for (int threads : {1, 2}) {
    const auto engine = Open(threads);
    for (int64_t step_rows : {1, 16, 48, 100, 288}) {
      for (int64_t max_rows : {1, 5, 256}) {
        settings.step_rows = step_rows;
        settings.max_rows = max_rows;
        ExpectSame(engine->Generate(Mixed(), settings, kNoAbort), whole,
                   std::to_string(threads) + " threads, " + std::to_string(step_rows) + " rows a step, " + std::to_string(max_rows) + " at once");
      }
    }
  }
}

TEST_P(CacheTest, TrainerRepeatsWhatLongPromptsGave) {
  const auto engine = Open(2);
  const TokenRows prompts = Mixed();
  GenerateSettings settings = Sampling();
  settings.step_rows = 48;
  const GenerateResult sampled = engine->Generate(prompts, settings, kNoAbort);
  UpdateBatch batch;
  batch.prompts = prompts;
  batch.completions = sampled.completions;
  const size_t tokens = sampled.completions.tokens.size();
  for (size_t row = 0; row < sampled.completions.lengths.size(); ++row) batch.completion_prompt.push_back(static_cast<int32_t>(row / 3));
  batch.weights.assign(tokens, 1.0f / static_cast<float>(tokens));
  batch.advantages.assign(tokens, 1.0f);
  batch.old_log_probabilities = sampled.log_probabilities;
  UpdateSettings update;
  update.loss.policy = true;
  EXPECT_EQ(engine->trainer().Gradient(batch, update, kNoAbort).max_log_probability_gap, 0.0);
}

TEST_P(CacheTest, CachesStayWithinTheirBudget) {
  const auto engine = Open(2);
  const ModelShape& shape = engine->model().shape();
  GenerateSettings settings = Sampling();
  const GenerateResult plain = engine->Generate(Mixed(), settings, kNoAbort);
  const int64_t row = KvCache::Bytes(shape, settings.max_tokens), longest = KvCache::Bytes(shape, 333, settings.step_rows);
  const int64_t least = row + longest;
  EXPECT_GT(plain.cache_bytes, 3 * least) << "the prompts do not fit together in the budgets below";
  for (int64_t budget : {least, least + row, least + row / 2 + longest / 2, 2 * least}) {
    settings.cache_bytes = budget;
    const GenerateResult held = engine->Generate(Mixed(), settings, kNoAbort);
    ExpectSame(held, plain, "budget " + std::to_string(budget));
    EXPECT_LE(held.cache_bytes, budget);
    EXPECT_GE(held.cache_bytes, least);
  }
  settings.cache_bytes = least - 1;
  try {
    engine->Generate(Mixed(), settings, kNoAbort);
    FAIL() << "a prompt of 333 tokens has no room";
  } catch (const EngineError& error) {
    EXPECT_STREQ(error.code(), "AZR_OUT_OF_MEMORY");
    for (const std::string& part : {std::to_string(least), std::to_string(least - 1), std::string("333 tokens"), std::string("cacheBytes")}) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << part << " in " << error.what();
    }
  }
}

// Steps after the abort are counted by the tokens that are told.
TEST_P(CacheTest, StopsWithinAStep) {
  const auto engine = Open(2);
  GenerateSettings settings = Sampling();
  settings.stop_tokens = {};
  settings.step_rows = 16;
  for (int after : {1, 2, 7}) {
    std::atomic<bool> abort{false};
    int told = 0;
    settings.on_tokens = [&](const std::vector<DrawnToken>&) { abort.store(++told == after); };
    // The first prompt is whole in the first step; the second would take twenty more.
    try {
      engine->Generate(Prompts({3, 333}), settings, abort);
      FAIL() << "the call ended by itself";
    } catch (const EngineError& error) {
      EXPECT_STREQ(error.code(), "AZR_ABORTED");
    }
    EXPECT_EQ(told, after);
  }
}

INSTANTIATE_TEST_SUITE_P(Heads, CacheTest,
                         ::testing::Values(HeadLayout{"NineOnThree", 9, 3, 16}, HeadLayout{"EachItsOwn", 4, 4, 32}, HeadLayout{"EightOnOne", 8, 1, 16},
                                           HeadLayout{"Wide", 2, 1, 144}, HeadLayout{"Window", 4, 2, 16, 40}),
                         [](const ::testing::TestParamInfo<HeadLayout>& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace azr::test
