// One warmed interpreter process and the two shared areas of the children that it forks, one child at a time.
//
// Ownership: owns the process, the control socket and the areas; children are the supervisor's own processes.
// Thread: the event loop's. Teardown: kill() and the supervisor's reaper.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "library.h"
#include "messages.h"
#include "result_slot.h"
#include "shared_area.h"

namespace azr {

struct ZygoteSettings {
  std::string python;
  std::string shared_object;
};

class ZygoteProcess {
 public:
  ZygoteProcess() = default;
  ZygoteProcess(const ZygoteProcess&) = delete;
  ZygoteProcess& operator=(const ZygoteProcess&) = delete;
  ~ZygoteProcess();

  /** Starts the interpreter. False with `problem` set when that cannot even begin. */
  bool start(const ZygoteSettings& settings, int variant, Library library, std::string* problem);

  pid_t pid() const { return pid_; }
  int control() const { return control_; }
  /** Copies a task into the request area and asks for a child. False when the zygote is gone. */
  bool send(Command command, std::string_view task);
  /** The next notice; nothing when there is none now. `gone` is set when there will never be one again. */
  std::optional<Notice> receive(bool* gone);

  /** What a dead child said of its lock, and where its kResultAreaBytes of results lie. */
  LockReport lock_report() const;
  const char* results() const { return results_.data() + kLockAreaBytes; }
  /** Empties both for the next child. */
  void clear_results();
  void kill();
  /** The process is gone and its number must not be used again. */
  void forget() { pid_ = -1; }

 private:
  pid_t pid_ = -1;
  int control_ = -1;
  SharedArea request_;
  SharedArea results_;
  size_t last_task_bytes_ = 0;
};

}  // namespace azr
