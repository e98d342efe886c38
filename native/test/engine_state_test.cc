// What an engine keeps and refuses: weights and optimizer state through files, bit for bit; broken files, a full disk and
// malformed calls as errors with a code that leave the weights as they were; aborted calls; numbers that are not finite.
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "engine/status.h"
#include "engine_reference.h"

namespace azr::test {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// The code of the EngineError that `call` throws, or "none"; its message must contain `words`.
std::string CodeOf(const std::function<void()>& call, const std::string& words = "") {
  try {
    call();
  } catch (const EngineError& error) {
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    return error.code();
  }
  return "none";
}

class StateTest : public ::testing::Test {
 protected:
  StateTest()
      : folder_(std::filesystem::temp_directory_path() /
                ("azr-state-" + std::to_string(getpid()) + "-" +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name())),
        shape_(TinyShape(67, 40, 2, 4, 2, 16, 48, false)),
        engine_(Open()) {
    std::filesystem::create_directories(folder_);
  }
  ~StateTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Engine> Open() const {
    auto engine = std::make_unique<Engine>(shape_, 1);
    Randomize(&model(*engine), 31);
    return engine;
  }
  static Model& model(Engine& engine) { return const_cast<Model&>(engine.model()); }
  static std::vector<float> Weights(const Engine& engine) {
    const float* values = engine.model().parameters();
    return {values, values + engine.model().layout().total};
  }
  std::string Path(const char* name) const { return (folder_ / name).string(); }

  UpdateResult Step(Engine* engine, uint64_t seed) const {
    UpdateSettings settings;
    settings.optimizer.learning_rate = 1e-2f;
    settings.optimizer.weight_decay = 0.1f;
    return engine->Update(RandomBatch(shape_, BatchSizes{}, seed), settings, kNoAbort);
  }

  // Sources for every tensor of a file that holds them end to end after `header` bytes.
  std::vector<TensorSource> Sources(const std::string& path, int64_t header) const {
    std::vector<TensorSource> sources;
    const auto& names = engine_->model().layout().names;
    for (size_t i = 0; i < names.size(); ++i) {
      sources.push_back({static_cast<int64_t>(i), path, header + names[i].offset * 4, StorageType::kFloat32});
    }
    return sources;
  }

  std::filesystem::path folder_;
  ModelShape shape_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(StateTest, ContinuesBitForBitFromFiles) {
  for (uint64_t step = 0; step < 3; ++step) Step(engine_.get(), step);
  const std::string header = "twelve bytes";
  engine_->SaveParameters(Path("model"), header);
  engine_->SaveOptimizer(Path("optimizer"), header);
  const int64_t total = engine_->model().layout().total, bytes = total * 4;
  EXPECT_EQ(std::filesystem::file_size(Path("model")), 12u + bytes);
  EXPECT_EQ(std::filesystem::file_size(Path("optimizer")), 12u + 2 * bytes + 8);
  std::ifstream file(Path("optimizer"), std::ios::binary);
  file.seekg(12 + 2 * bytes);
  int64_t steps = 0;
  file.read(reinterpret_cast<char*>(&steps), sizeof(steps));
  EXPECT_EQ(steps, 3);

  const auto resumed = Open(), forgetful = Open();
  resumed->LoadParameters(Sources(Path("model"), 12));
  resumed->LoadOptimizer(Path("optimizer"), 12, 12 + bytes, steps);
  forgetful->LoadParameters(Sources(Path("model"), 12));
  EXPECT_EQ(Weights(*resumed), Weights(*engine_));
  for (uint64_t step = 3; step < 5; ++step) {
    const UpdateResult expected = Step(engine_.get(), step);
    EXPECT_EQ(Step(resumed.get(), step).loss, expected.loss);
    Step(forgetful.get(), step);
  }
  EXPECT_EQ(Weights(*resumed), Weights(*engine_));
  EXPECT_EQ(resumed->optimizer_steps(), 5);
  EXPECT_NE(Weights(*forgetful), Weights(*engine_)) << "the moments matter";
  resumed->ResetOptimizer();
  EXPECT_EQ(resumed->optimizer_steps(), 0);
}

// The same file opened in each way: what is not trained is not held twice and says so, and gives the same tokens.
TEST_F(StateTest, WeightsAreHeldInEachFormat) {
  const std::string path = (folder_ / "held").string();
  engine_->SaveParameters(path, "");
  std::vector<TensorSource> sources;
  int64_t offset = 0;
  const auto& names = engine_->model().layout().names;
  for (size_t i = 0; i < names.size(); ++i) {
    sources.push_back({static_cast<int64_t>(i), path, offset, StorageType::kFloat32});
    offset += names[i].size() * static_cast<int64_t>(sizeof(float));
  }
  const TokenRows prompts{RandomTokens(1, 1, 20, 67), {7, 13}};
  GenerateSettings settings;
  settings.max_tokens = 24;
  settings.samples = 3;
  const auto open = [&](const WeightSettings& weights) {
    auto engine = std::make_unique<Engine>(shape_, 1, weights);
    engine->LoadParameters(sources, true);
    return engine;
  };
  const auto exact = open({});
  const GenerateResult expected = exact->Generate(prompts, settings, kNoAbort);
  for (WeightFormat format : {WeightFormat::kFloat32, WeightFormat::kBfloat16}) {
    const auto both = open({format, true}), light = open({format, false});
    const GenerateResult a = both->Generate(prompts, settings, kNoAbort), b = light->Generate(prompts, settings, kNoAbort);
    EXPECT_EQ(a.completions.tokens, b.completions.tokens);
    EXPECT_EQ(a.log_probabilities, b.log_probabilities);
    if (format == WeightFormat::kFloat32) {
      EXPECT_EQ(a.log_probabilities, expected.log_probabilities);
    }
    const auto bytes = [](const Model& held) { return held.parameter_bytes() + held.packed_bytes(); };
    EXPECT_LT(bytes(light->model()), bytes(both->model()) * 2 / 3);
    EXPECT_EQ(CodeOf([&] { light->Update({}, {}, kNoAbort); }, "trainable"), "AZR_INPUT_INVALID");
    EXPECT_EQ(CodeOf([&] { light->SaveParameters(path + "2", ""); }, "trainable"), "AZR_INPUT_INVALID");
  }
  EXPECT_EQ(CodeOf([&] { open({WeightFormat::kQ8, true}); }, "q8"), "AZR_INPUT_INVALID");
  // Scored alike: what the formats lose, and in q8 not a bit more than the weights lost.
  TokenRows sequences{RandomTokens(2, 2, 60, 67), {60}};
  const std::vector<float> scores = exact->Score(sequences, kNoAbort);
  const auto light = open({WeightFormat::kQ8, false});
  const std::vector<float> quantized = light->Score(sequences, kNoAbort);
  Model& rounded = model(*exact);
  float* weights = rounded.MutableParameters();
  for (const NamedTensor& tensor : names) {
    if (tensor.dimensions.size() == 1) continue;
    const int64_t columns = tensor.dimensions[1];
    std::vector<uint8_t> row(RowBytes(WeightFormat::kQ8, columns));
    for (int64_t r = 0; r < tensor.dimensions[0]; ++r) {
      EncodeRow(WeightFormat::kQ8, weights + tensor.offset + r * columns, columns, row.data());
      DecodeRow(WeightFormat::kQ8, row.data(), columns, weights + tensor.offset + r * columns);
    }
  }
  const std::vector<float> dequantized = exact->Score(sequences, kNoAbort);
  for (size_t i = 0; i < scores.size(); ++i) {
    EXPECT_NEAR(quantized[i], dequantized[i], 2e-3) << i;
    EXPECT_NEAR(quantized[i], scores[i], 0.5) << i;
  }
  // Initialized weights too.
  for (WeightFormat format : {WeightFormat::kFloat32, WeightFormat::kBfloat16}) {
    Engine both(shape_, 1, {format, true}), alone(shape_, 1, {format, false});
    both.Initialize(4);
    alone.Initialize(4);
    EXPECT_EQ(both.Score(sequences, kNoAbort), alone.Score(sequences, kNoAbort));
  }
}

TEST_F(StateTest, InitializesFromASeed) {
  const auto other = Open();
  engine_->Initialize(5);
  other->Initialize(5);
  EXPECT_EQ(Weights(*engine_), Weights(*other));
  other->Initialize(6);
  EXPECT_NE(Weights(*engine_), Weights(*other));
}

TEST_F(StateTest, ReadsThreeStorageTypes) {
  const std::vector<float> values{1.0f, -2.5f, 3.1415927f, 1e-6f, 65504.0f, -0.0f};
  std::string bytes = "xyz";
  for (float v : values) bytes.append(reinterpret_cast<const char*>(&v), 4);
  for (float v : values) {
    const c10::Half half(v);
    bytes.append(reinterpret_cast<const char*>(&half), 2);
  }
  for (float v : values) {
    const c10::BFloat16 half(v);
    bytes.append(reinterpret_cast<const char*>(&half), 2);
  }
  WriteFloats(Path("mixed"), bytes, {});
  std::vector<float> read(6);
  ReadFloats(Path("mixed"), 3, StorageType::kFloat32, 6, read.data());
  EXPECT_EQ(std::memcmp(read.data(), values.data(), 24), 0);
  ReadFloats(Path("mixed"), 27, StorageType::kFloat16, 6, read.data());
  for (int i = 0; i < 6; ++i) EXPECT_EQ(read[i], static_cast<float>(c10::Half(values[i])));
  ReadFloats(Path("mixed"), 39, StorageType::kBfloat16, 6, read.data());
  for (int i = 0; i < 6; ++i) EXPECT_EQ(read[i], static_cast<float>(c10::BFloat16(values[i])));
}

TEST_F(StateTest, RefusesBrokenWeightFiles) {
  const std::vector<float> before = Weights(*engine_);
  std::vector<float> image = before;
  const int64_t bytes = static_cast<int64_t>(image.size()) * 4;
  const auto write = [&](const char* name, int64_t size) { WriteFloats(Path(name), "", {{image.data(), size}}); };
  image[5] += 1.0f;  // a whole file would change something
  write("whole", bytes);
  write("truncated", bytes - 1);
  image.back() = kNaN;
  write("nan", bytes);
  image.back() = INFINITY;
  write("infinite", bytes);
  const auto sources = Sources(Path("whole"), 0);
  auto missing = sources, twice = sources, unknown = sources, negative = sources;
  missing.pop_back();
  twice.push_back(twice[1]);
  unknown.back().index = static_cast<int64_t>(sources.size());
  negative.back().index = -1;
  const auto load = [&](const std::vector<TensorSource>& from) { return [this, from] { engine_->LoadParameters(from); }; };
  const std::string code = "AZR_MODEL_FORMAT";
  EXPECT_EQ(CodeOf(load(Sources(Path("absent"), 0)), "No such file"), code);
  EXPECT_EQ(CodeOf(load(Sources(folder_.string(), 0)), "Is a directory"), code);
  EXPECT_EQ(CodeOf(load(Sources(Path("truncated"), 0)), "ends before"), code);
  EXPECT_EQ(CodeOf(load(Sources(Path("nan"), 0)), "lm_head.weight"), code);
  EXPECT_EQ(CodeOf(load(Sources(Path("infinite"), 0)), "not finite"), code);
  EXPECT_EQ(CodeOf(load(missing), "lm_head.weight is missing"), code);
  EXPECT_EQ(CodeOf(load(twice), "twice"), code);
  EXPECT_EQ(CodeOf(load(unknown), "unknown"), code);
  EXPECT_EQ(CodeOf(load(negative), "unknown"), code);
  EXPECT_EQ(CodeOf([&] { engine_->LoadOptimizer(Path("whole"), 0, 4, 1); }, "ends before"), code);
  std::vector<float> moments(2 * image.size(), 0.5f);
  const auto load_moments = [&](const char* name, size_t at, float value) {
    std::swap(moments[at], value);
    WriteFloats(Path(name), "", {{moments.data(), 2 * bytes}});
    std::swap(moments[at], value);
    return CodeOf([&] { engine_->LoadOptimizer(Path(name), 0, bytes, 1); }, "no training leaves");
  };
  EXPECT_EQ(load_moments("first", 3, kNaN), code);
  EXPECT_EQ(load_moments("second", image.size() + 3, INFINITY), code);
  EXPECT_EQ(load_moments("negative", image.size() + 3, -1.0f), code);
  EXPECT_EQ(Weights(*engine_), before);
  EXPECT_EQ(engine_->optimizer_steps(), 0);
  EXPECT_EQ(CodeOf(load(sources)), "none");
  EXPECT_NE(Weights(*engine_), before);
}

TEST_F(StateTest, ReportsAFullDiskAndLeavesNoHalfFile) {
  const std::string code = "AZR_RUN_FOLDER";
  EXPECT_EQ(CodeOf([&] { engine_->SaveParameters("/dev/full", ""); }, "No space left"), code);
  struct stat status {};
  ASSERT_EQ(::stat("/dev/full", &status), 0) << "a device is not removed";
  EXPECT_TRUE(S_ISCHR(status.st_mode));
  EXPECT_EQ(CodeOf([&] { engine_->SaveParameters(Path("absent/model"), ""); }, "No such file"), code);
  EXPECT_EQ(CodeOf([&] { engine_->SaveOptimizer(folder_.string(), ""); }, "Is a directory"), code);

  // A file that may not grow past 4 KiB is a disk that fills up in the middle.
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = before;
  small.rlim_cur = 4096;
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_EQ(CodeOf([&] { engine_->SaveParameters(Path("model"), "header"); }, "File too large"), code);
  EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  EXPECT_FALSE(std::filesystem::exists(Path("model")));
}

TEST_F(StateTest, RefusesMalformedCalls) {
  const std::vector<float> before = Weights(*engine_);
  const TokenRows good{{1, 2, 3}, {1, 2}};
  GenerateSettings settings;
  settings.max_tokens = 4;
  const auto generate = [&](const TokenRows& prompts, const std::function<void(GenerateSettings*)>& change,
                            const char* words) {
    GenerateSettings changed = settings;
    change(&changed);
    EXPECT_EQ(CodeOf([&] { engine_->Generate(prompts, changed, kNoAbort); }, words), "AZR_INPUT_INVALID") << words;
  };
  const auto same = [](GenerateSettings*) {};
  generate({{1, 67}, {2}}, same, "token 67 is outside the vocabulary of 67");
  generate({{1, -1}, {2}}, same, "token -1");
  generate({{1, 2}, {1}}, same, "do not add up");
  generate({{1, 2}, {2, 0}}, same, "at least 1 token");
  generate({{1, 2}, {3, -1}}, same, "at least 1 token");
  generate(good, [](GenerateSettings* s) { s->samples = 0; }, "samples");
  generate(good, [](GenerateSettings* s) { s->max_tokens = 0; }, "maxTokens");
  generate(good, [](GenerateSettings* s) { s->max_tokens = 95; }, "exceeds the model's 96 positions");
  generate(good, [](GenerateSettings* s) { s->sampler.temperature = kNaN; }, "temperature");
  generate(good, [](GenerateSettings* s) { s->sampler.top_p = 0.0f; }, "topP");
  generate(good, [](GenerateSettings* s) { s->sampler.top_p = 1.5f; }, "topP");
  generate(good, [](GenerateSettings* s) { s->sampler.top_k = -1; }, "topK");
  EXPECT_TRUE(engine_->Generate({}, settings, kNoAbort).completions.tokens.empty());

  const auto score = [&](const TokenRows& rows) { return CodeOf([&] { engine_->Score(rows, kNoAbort); }); };
  EXPECT_EQ(score({{1}, {1}}), "AZR_INPUT_INVALID");
  EXPECT_EQ(score({{1, 99}, {2}}), "AZR_INPUT_INVALID");
  EXPECT_EQ(score({std::vector<int32_t>(97, 1), {97}}), "AZR_INPUT_INVALID");
  EXPECT_EQ(score({std::vector<int32_t>(96, 1), {96}}), "none");

  const UpdateBatch batch = RandomBatch(shape_, BatchSizes{}, 1);
  const auto update = [&](const std::function<void(UpdateBatch*, UpdateSettings*)>& change) {
    UpdateBatch changed = batch;
    UpdateSettings policy;
    policy.loss.policy = true;
    policy.optimizer.learning_rate = 1e-3f;
    change(&changed, &policy);
    return CodeOf([&] { engine_->Update(changed, policy, kNoAbort); });
  };
  const std::function<void(UpdateBatch*, UpdateSettings*)> changes[] = {
      [](UpdateBatch* b, UpdateSettings*) { b->weights.pop_back(); },
      [](UpdateBatch* b, UpdateSettings*) { b->weights[0] = kNaN; },
      [](UpdateBatch* b, UpdateSettings*) { b->advantages.clear(); },
      [](UpdateBatch* b, UpdateSettings*) { b->old_log_probabilities[1] = INFINITY; },
      [](UpdateBatch*, UpdateSettings* s) { s->loss.kl = KlEstimator::kK2; },
      [](UpdateBatch* b, UpdateSettings* s) {
        s->loss.importance_cap = 2.0f;
        b->sampler_log_probabilities = b->old_log_probabilities;
        b->sampler_log_probabilities[0] = -INFINITY;
      },
      [](UpdateBatch* b, UpdateSettings*) { b->completion_prompt.pop_back(); },
      [](UpdateBatch* b, UpdateSettings*) { b->completion_prompt.back() = 99; },
      [](UpdateBatch* b, UpdateSettings*) { b->completion_prompt[0] = -1; },
      [](UpdateBatch* b, UpdateSettings*) { b->completion_prompt[0] = 3; },
      [](UpdateBatch* b, UpdateSettings*) { b->completions.tokens[0] = 67; },
      [](UpdateBatch* b, UpdateSettings*) { b->prompts.lengths[0] += 1; },
      [](UpdateBatch*, UpdateSettings* s) { s->micro_batch_tokens = 0; },
      [](UpdateBatch*, UpdateSettings* s) { s->optimizer.beta1 = 1.0f; },
      [](UpdateBatch*, UpdateSettings* s) { s->optimizer.beta2 = kNaN; },
      [](UpdateBatch*, UpdateSettings* s) { s->optimizer.epsilon = 0.0f; },
      [](UpdateBatch*, UpdateSettings* s) { s->optimizer.learning_rate = INFINITY; },
      [](UpdateBatch*, UpdateSettings* s) { s->optimizer.clip_norm = -1.0f; },
  };
  for (size_t i = 0; i < std::size(changes); ++i) EXPECT_EQ(update(changes[i]), "AZR_INPUT_INVALID") << "change " << i;
  EXPECT_EQ(Weights(*engine_), before);
  EXPECT_EQ(update([](UpdateBatch*, UpdateSettings*) {}), "none");
  EXPECT_NE(Weights(*engine_), before);
  EXPECT_EQ(CodeOf([&] { Engine(shape_, 1 << 20); }, "threads"), "AZR_INPUT_INVALID");
}

TEST_F(StateTest, RefusesShapesItCannotRun) {
  const std::function<void(ModelShape*)> changes[] = {
      [](ModelShape* s) { s->vocabulary = 1; },      [](ModelShape* s) { s->layers = 0; },
      [](ModelShape* s) { s->key_value_heads = 3; }, [](ModelShape* s) { s->head_size = 24; },
      [](ModelShape* s) { s->feed_forward = 40; },   [](ModelShape* s) { s->max_positions = 0; },
      [](ModelShape* s) { s->layers = 1 << 30; },    [](ModelShape* s) { s->hidden = int64_t{1} << 50; },
  };
  for (const auto& change : changes) {
    ModelShape shape = shape_;
    change(&shape);
    EXPECT_EQ(CodeOf([&] { Engine(shape, 1); }), "AZR_MODEL_FORMAT");
  }
}

TEST_F(StateTest, StopsWhenAborted) {
  const std::vector<float> before = Weights(*engine_);
  const std::atomic<bool> aborted{true};
  GenerateSettings settings;
  settings.max_tokens = 4;
  const UpdateBatch batch = RandomBatch(shape_, BatchSizes{}, 1);
  EXPECT_EQ(CodeOf([&] { engine_->Generate({{1, 2}, {2}}, settings, aborted); }), "AZR_ABORTED");
  EXPECT_EQ(CodeOf([&] { engine_->Score({{1, 2}, {2}}, aborted); }), "AZR_ABORTED");
  EXPECT_EQ(CodeOf([&] { engine_->Update(batch, UpdateSettings{}, aborted); }), "AZR_ABORTED");
  EXPECT_EQ(Weights(*engine_), before);

  // In the middle: far more rows than can be sampled in the time before the flag goes up.
  std::atomic<bool> later{false};
  settings.max_tokens = 90;
  settings.samples = 1000000;
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    later = true;
  });
  EXPECT_EQ(CodeOf([&] { engine_->Generate({{1, 2}, {2}}, settings, later); }), "AZR_ABORTED");
  other.join();
  settings.samples = 1;
  EXPECT_EQ(CodeOf([&] { engine_->Generate({{1, 2}, {2}}, settings, kNoAbort); }), "none") << "the engine goes on";
}

TEST_F(StateTest, NamesNumbersThatAreNotFinite) {
  GenerateSettings settings;
  settings.max_tokens = 4;
  const auto generate = [&] { engine_->Generate({{1, 2, 3}, {3}}, settings, kNoAbort); };
  for (const char* name : {"model.norm.weight", "lm_head.weight", "model.embed_tokens.weight"}) {
    for (float bad : {kNaN, INFINITY}) {
      engine_ = Open();
      for (const NamedTensor& tensor : engine_->model().layout().names) {
        const int64_t index = tensor.dimensions.size() == 1 ? 3 : 3 * shape_.hidden;  // token 3's row
        if (tensor.name == name) model(*engine_).MutableParameters()[tensor.offset + index] = bad;
      }
      const std::vector<float> before = Weights(*engine_);
      for (float top_p : {1.0f, 0.9f}) {
        settings.sampler.top_p = top_p;
        EXPECT_EQ(CodeOf(generate), "AZR_NUMERICS") << name;
      }
      UpdateBatch batch = RandomBatch(shape_, BatchSizes{}, 1);
      batch.prompts.tokens[0] = batch.completions.tokens[0] = 3;
      EXPECT_EQ(CodeOf([&] { engine_->Update(batch, UpdateSettings{}, kNoAbort); }), "AZR_NUMERICS") << name;
      EXPECT_EQ(std::memcmp(Weights(*engine_).data(), before.data(), before.size() * sizeof(float)), 0);
      EXPECT_EQ(engine_->optimizer_steps(), 0);
    }
  }
}

TEST_F(StateTest, RefusesStepsThatNoNumberHolds) {
  const std::vector<float> before = Weights(*engine_);
  const UpdateBatch batch = RandomBatch(shape_, BatchSizes{}, 1);
  UpdateSettings settings;
  settings.optimizer.learning_rate = 1e30f;
  settings.optimizer.weight_decay = 1e30f;
  const auto update = [&](const UpdateBatch& given) { engine_->Update(given, settings, kNoAbort); };
  EXPECT_EQ(CodeOf([&] { update(batch); }), "AZR_INPUT_INVALID");
  settings.optimizer.weight_decay = 0.0f;
  const size_t parameters = model(*engine_).trained_names().size();
  settings.optimizer.learning_rate_scales.assign(parameters, 1e30f);
  settings.optimizer.weight_decays.assign(parameters, 0.0f);
  EXPECT_EQ(CodeOf([&] { update(batch); }), "AZR_INPUT_INVALID");
  // Second moments would be infinite, and every later step of these weights nothing.
  settings.optimizer = {};
  settings.optimizer.clip_norm = 0.0f;
  UpdateBatch large = batch;
  for (float& weight : large.weights) weight *= 1e22f;
  EXPECT_EQ(CodeOf([&] { update(large); }), "AZR_NUMERICS");
  EXPECT_EQ(Weights(*engine_), before);
  EXPECT_EQ(engine_->optimizer_steps(), 0);
  settings.optimizer.clip_norm = 1.0f;
  EXPECT_EQ(CodeOf([&] { update(large); }), "none") << "clipped, they are numbers";
}

}  // namespace
}  // namespace azr::test
