#include "engine/weight_file.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>

#include "engine/parallel.h"
#include "engine/status.h"

namespace azr {
namespace {

class File {
 public:
  File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  int Close() {
    const int result = ::close(fd_);
    fd_ = -1;
    return result;
  }

 private:
  int fd_;
};

void ReadExactly(int fd, const std::string& path, int64_t offset, void* out, int64_t bytes) {
  char* cursor = static_cast<char*>(out);
  while (bytes > 0) {
    const ssize_t got = ::pread(fd, cursor, static_cast<size_t>(bytes), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw EngineError("AZR_MODEL_FORMAT", path + ": " + std::strerror(errno));
    if (got == 0) throw EngineError("AZR_MODEL_FORMAT", path + " ends before its tensor data does");
    cursor += got;
    offset += got;
    bytes -= got;
  }
}

// Whether all of them are numbers: no early exit, so that the loop is one over vectors.
bool AllFinite(const float* values, int64_t count) {
  uint32_t bad = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, values + i, sizeof(bits));
    bad |= (bits & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
  }
  return bad == 0;
}

constexpr int64_t kRowsTaken = 32;   // a panel of packed columns
constexpr int64_t kChunk = 1 << 15;  // values read at once: whole blocks of each type, and the caches hold them

// A part of a tensor: `rows` rows of `columns` values that begin at value `first`, widened into `out`.
void ReadPart(int fd, const TensorSource& source, int64_t first, int64_t rows, int64_t columns, float* out) {
  const StorageFormat& format = FormatOf(source.type);
  const int64_t count = rows * columns;
  const int64_t offset = source.offset + first / format.values * format.bytes;
  if (source.type == StorageType::kFloat32 && source.paired_rows == 0) {
    ReadExactly(fd, source.path, offset, out, count * format.bytes);
  } else {
    const int64_t bytes = count / format.values * format.bytes;
    const std::unique_ptr<uint8_t[]> data(new uint8_t[static_cast<size_t>(bytes)]);
    ReadExactly(fd, source.path, offset, data.get(), bytes);
    if (source.paired_rows == 0) {
      Dequantize(source.type, data.get(), count, out);
    } else {
      for (int64_t row = 0; row < rows; ++row) {
        const int64_t place = row / 2 + row % 2 * (rows / 2);
        Dequantize(source.type, data.get() + row * (bytes / rows), columns, out + place * columns);
      }
    }
  }
  if (source.shift != 0.0f) {
    for (int64_t i = 0; i < count; ++i) out[i] += source.shift;
  }
}

bool WriteExactly(int fd, const void* data, int64_t bytes) {
  const char* cursor = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t put = ::write(fd, cursor, static_cast<size_t>(std::min<int64_t>(bytes, 1 << 30)));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    cursor += put;
    bytes -= put;
  }
  return true;
}

}  // namespace

bool ReadTensor(const TensorSource& source, int64_t rows, int64_t columns, const TensorTarget& target) {
  const File file(source.path, O_RDONLY);
  if (file.fd() < 0) throw EngineError("AZR_MODEL_FORMAT", source.path + ": " + std::strerror(errno));
  const int64_t count = rows * columns, values = FormatOf(source.type).values, paired = source.paired_rows;
  const bool by_rows = paired > 0 || target.take;
  const bool pairs = paired == 0 || (paired > 0 && paired % 2 == 0 && rows % paired == 0);
  if (count % values != 0 || !pairs || (by_rows && columns % values != 0)) {
    throw EngineError("AZR_MODEL_FORMAT", source.path + ": a tensor's shape does not suit its type");
  }
  // Parts of rows: as many as a taker packs together, or whole heads.
  const int64_t unit = paired > 0 ? paired : kRowsTaken, wanted = std::max<int64_t>(1, kChunk / (unit * columns));
  const int64_t chunk = by_rows ? wanted * unit * columns : kChunk;
  std::atomic<bool> finite{true};
  std::mutex mutex;
  std::exception_ptr failure;  // guarded by mutex
  ParallelFor((count + chunk - 1) / chunk, 1, [&](int64_t i) {
    try {
      const int64_t first = i * chunk, size = std::min(chunk, count - first);
      std::vector<float> scratch(target.place == nullptr ? size : 0);
      float* out = target.place == nullptr ? scratch.data() : target.place + first;
      if (paired > 0) {
        for (int64_t at = 0; at < size; at += paired * columns) {
          ReadPart(file.fd(), source, first + at, paired, columns, out + at);
        }
      } else {
        ReadPart(file.fd(), source, first, 1, size, out);
      }
      if (!AllFinite(out, size)) finite = false;
      if (target.take) target.take(first / columns, size / columns, out);
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
  return finite;
}

void ReadFloats(const std::string& path, int64_t offset, StorageType type, int64_t count, float* out) {
  ReadTensor({0, path, offset, type}, 1, count, {out});
}

namespace {

// Writes a file by `body`, which says whether all went well and leaves errno if not; syncs it. Whatever fails, or is
// thrown, leaves no partial file.
void WriteFile(const std::string& path, const std::function<bool(int fd)>& body) {
  File file(path, O_WRONLY | O_CREAT | O_TRUNC);
  struct stat status {};
  // A device or a pipe that was given as a path is not ours to remove.
  const bool regular = file.fd() >= 0 && ::fstat(file.fd(), &status) == 0 && S_ISREG(status.st_mode);
  try {
    bool good = file.fd() >= 0 && body(file.fd()) && ::fsync(file.fd()) == 0;
    int reason = errno;
    if (file.fd() >= 0 && file.Close() != 0 && good) {
      good = false;
      reason = errno;
    }
    if (!good) throw EngineError("AZR_RUN_FOLDER", "cannot write " + path + ": " + std::strerror(reason));
  } catch (...) {
    if (regular) ::unlink(path.c_str());
    throw;
  }
}

// The values in two bytes each, a chunk at a time.
template <typename Stored>
bool WriteNarrow(int fd, const WrittenTensor& tensor, const char* type) {
  const float* values = tensor.values();
  std::vector<Stored> buffer(static_cast<size_t>(std::min(kChunk, tensor.count)));
  for (int64_t i = 0; i < tensor.count; i += kChunk) {
    const int64_t n = std::min(kChunk, tensor.count - i);
    bool fits = true;
    for (int64_t j = 0; j < n; ++j) {
      buffer[j] = Stored(values[i + j]);
      fits = fits && (std::isfinite(static_cast<float>(buffer[j])) || !std::isfinite(values[i + j]));
    }
    if (!fits) {
      throw EngineError("AZR_INPUT_INVALID", "the tensor " + tensor.name + " holds values beyond the range of " + type);
    }
    if (!WriteExactly(fd, buffer.data(), n * static_cast<int64_t>(sizeof(Stored)))) return false;
  }
  return true;
}

}  // namespace

void WriteFloats(const std::string& path, const std::string& header,
                 const std::vector<std::pair<const void*, int64_t>>& buffers) {
  WriteFile(path, [&](int fd) {
    bool good = WriteExactly(fd, header.data(), static_cast<int64_t>(header.size()));
    for (const auto& [data, bytes] : buffers) good = good && WriteExactly(fd, data, bytes);
    return good;
  });
}

void WriteTensors(const std::string& path, const std::string& header, const std::vector<WrittenTensor>& tensors,
                  StorageType type) {
  WriteFile(path, [&](int fd) {
    bool good = WriteExactly(fd, header.data(), static_cast<int64_t>(header.size()));
    for (const WrittenTensor& tensor : tensors) {
      if (!good) break;
      switch (type) {
        case StorageType::kFloat32:
          good = WriteExactly(fd, tensor.values(), tensor.count * static_cast<int64_t>(sizeof(float)));
          break;
        case StorageType::kFloat16: good = WriteNarrow<c10::Half>(fd, tensor, "float16"); break;
        case StorageType::kBfloat16: good = WriteNarrow<c10::BFloat16>(fd, tensor, "bfloat16"); break;
        default: throw EngineError("AZR_INPUT_INVALID", "weights are written as float32, float16 or bfloat16");
      }
    }
    return good;
  });
}

}  // namespace azr
