// azr-executor: runs model-written Python for one client over stdin and stdout. See docs/executor.md for the protocol.
//
// Ownership: one Supervisor. Thread: one. Teardown: end of input ends every process that was started.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "python_path.h"
#include "supervisor.h"

namespace {

int usage() {
  fprintf(stderr,
          "usage: azr-executor --python PATH --zygote PATH/azr-zygote.so --workers N\n"
          "       azr-executor --measure-forks N\n");
  return 2;
}

/** Prints the mean milliseconds of a fork whose child ends at once: what no executor that forks can be faster than. */
int measure_forks(int count) {
  const int64_t began = azr::now_us();
  for (int i = 0; i < count; ++i) {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    if (child < 0 || waitpid(child, nullptr, 0) != child) {
      fprintf(stderr, "azr-executor: cannot fork\n");
      return 1;
    }
  }
  printf("%.6f\n", static_cast<double>(azr::now_us() - began) / 1000 / count);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  std::string python = "python3", zygote;
  int workers = 1;
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    if (i + 1 == count) return usage();
    const char* value = arguments[++i];
    if (name == "--python") {
      python = value;
    } else if (name == "--zygote") {
      zygote = value;
    } else if (name == "--workers") {
      workers = atoi(value);
    } else if (name == "--measure-forks") {
      const int forks = atoi(value);
      return forks < 1 || forks > 1'000'000 ? usage() : measure_forks(forks);
    } else {
      return usage();
    }
  }
  if (zygote.empty() || workers < 1 || workers > 256) return usage();
  char* absolute = realpath(zygote.c_str(), nullptr);
  if (absolute == nullptr) {
    fprintf(stderr, "azr-executor: there is no %s\n", zygote.c_str());
    return 1;
  }
  // The client's terminal may interrupt the whole group; only the end of input ends this process.
  signal(SIGINT, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  std::string problem;
  const std::string binary = azr::resolve_python(python, &problem);
  if (binary.empty()) {
    fprintf(stderr, "azr-executor: %s\n", problem.c_str());
    return 1;
  }
  azr::Supervisor supervisor({binary, absolute}, static_cast<uint32_t>(workers));
  free(absolute);
  return supervisor.run();
}
