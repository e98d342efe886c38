// The engine's whole surface: a model with its optimizer, and the calls that sample, score, train, load and save.
// Engine owns every buffer. All methods run on one thread, the engine thread, which also owns LibTorch's intra-op team;
// the abort flags are the only thing another thread may touch.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/decoder.h"
#include "engine/generate.h"
#include "engine/head.h"
#include "engine/lora.h"
#include "engine/model.h"
#include "engine/optimizer.h"
#include "engine/update.h"
#include "engine/weight_file.h"

namespace azr {

// Bytes that an engine holds, by what for.
struct EngineMemory {
  int64_t weights = 0, copies = 0, gradients = 0, moments = 0, activations = 0, logits = 0;
};

// Adapters in a file, to be merged into weights as these are read: a source for each of Lora::names().
struct AdapterSource {
  LoraSettings settings;
  std::vector<TensorSource> tensors;
};

struct EngineStats {
  int64_t generated_tokens = 0, trained_tokens = 0;
  double generate_seconds = 0, score_seconds = 0, update_seconds = 0;
  EngineMemory memory;
};

class Engine {
 public:
  // `threads`: size of the team that this thread will use; 0 keeps LibTorch's choice.
  Engine(const ModelShape& shape, int threads, const WeightSettings& weights = {});

  const Model& model() const { return model_; }
  int threads() const;
  EngineStats stats() const;

  void Initialize(uint64_t seed) { model_.Initialize(seed); }
  // Every parameter must be named once (AZR_MODEL_FORMAT otherwise). All are read and checked before any weight changes,
  // except with `fresh`: weights that nobody uses yet are read once, and are worth nothing when this throws.
  // Those adapters that are `merged` become part of the weights, in their order.
  void LoadParameters(const std::vector<TensorSource>& sources, bool fresh = false,
                      const std::vector<AdapterSource>& merged = {});
  // Adapters of a model that has them: a source for each of trained_names(). All are checked before any changes.
  void LoadAdapters(const std::vector<TensorSource>& sources);
  // Writes the header and then the adapters in float32.
  void SaveAdapters(const std::string& path, const std::string& header) const;
  // Moments in the order of what is trained: first, second at the given byte offsets of float32 data.
  void LoadOptimizer(const std::string& path, int64_t first_offset, int64_t second_offset, int64_t steps);
  void ResetOptimizer() { optimizer_.Reset(); }
  // Writes the header and then `count` parameters of the layout from number `first` on, all of them by default, with what
  // adapters add.
  void SaveParameters(const std::string& path, const std::string& header, StorageType type = StorageType::kFloat32,
                      int64_t first = 0, int64_t count = -1) const;
  void SaveOptimizer(const std::string& path, const std::string& header);
  int64_t optimizer_steps() const { return optimizer_.steps(); }

  // Inputs are checked: AZR_INPUT_INVALID names what is wrong.
  GenerateResult Generate(const TokenRows& prompts, const GenerateSettings& settings, const std::atomic<bool>& abort);
  // With `adapters` false by the weights that adapters are added to, of a model that has any.
  std::vector<float> Score(const TokenRows& sequences, const std::atomic<bool>& abort, bool adapters = true);
  UpdateResult Update(const UpdateBatch& batch, const UpdateSettings& settings, const std::atomic<bool>& abort);

  Trainer& trainer() { return trainer_; }

 private:
  void CheckRows(const TokenRows& rows, int64_t shortest, const char* what) const;
  // Runs work on a batch. Where there is no memory for it, what batches have grown to is given back, so that a smaller one has room.
  template <typename Work>
  auto Sparingly(const Work& work);

  Model model_;
  Decoder decoder_;
  Head head_;
  AdamW optimizer_;
  Trainer trainer_;
  EngineStats stats_;
};

}  // namespace azr
