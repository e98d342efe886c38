#include "engine/weight_file.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

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

template <typename Stored>
void Widen(int fd, const std::string& path, int64_t offset, int64_t count, float* out) {
  constexpr int64_t kChunk = 1 << 18;
  std::vector<Stored> buffer(std::min(kChunk, count));
  for (int64_t i = 0; i < count; i += kChunk) {
    const int64_t n = std::min(kChunk, count - i);
    ReadExactly(fd, path, offset + i * static_cast<int64_t>(sizeof(Stored)), buffer.data(), n * sizeof(Stored));
    for (int64_t j = 0; j < n; ++j) out[i + j] = static_cast<float>(buffer[j]);
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

void ReadFloats(const std::string& path, int64_t offset, StorageType type, int64_t count, float* out) {
  File file(path, O_RDONLY);
  if (file.fd() < 0) throw EngineError("AZR_MODEL_FORMAT", path + ": " + std::strerror(errno));
  switch (type) {
    case StorageType::kFloat32:
      ReadExactly(file.fd(), path, offset, out, count * static_cast<int64_t>(sizeof(float)));
      break;
    case StorageType::kFloat16:
      Widen<c10::Half>(file.fd(), path, offset, count, out);
      break;
    case StorageType::kBfloat16:
      Widen<c10::BFloat16>(file.fd(), path, offset, count, out);
      break;
  }
}

void WriteFloats(const std::string& path, const std::string& header,
                 const std::vector<std::pair<const void*, int64_t>>& buffers) {
  File file(path, O_WRONLY | O_CREAT | O_TRUNC);
  bool good = file.fd() >= 0 && WriteExactly(file.fd(), header.data(), static_cast<int64_t>(header.size()));
  for (const auto& [data, bytes] : buffers) good = good && WriteExactly(file.fd(), data, bytes);
  good = good && ::fsync(file.fd()) == 0;
  int reason = errno;
  struct stat status {};
  // A device or a pipe that was given as a path is not ours to remove.
  const bool regular = file.fd() >= 0 && ::fstat(file.fd(), &status) == 0 && S_ISREG(status.st_mode);
  if (file.fd() >= 0 && file.Close() != 0 && good) {
    good = false;
    reason = errno;
  }
  if (!good) {
    if (regular) ::unlink(path.c_str());
    throw EngineError("AZR_RUN_FOLDER", "cannot write " + path + ": " + std::strerror(reason));
  }
}

}  // namespace azr
