#include "python_path.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace azr {

std::string resolve_python(const std::string& name, std::string* problem) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    *problem = "cannot make a pipe";
    return "";
  }
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], 1);
    const int nowhere = open("/dev/null", O_RDWR);
    if (nowhere >= 0) dup2(nowhere, 0);
    const char* ask =
        "import sys; print('%d %d %s' % (*sys.version_info[:2], sys.executable), end='')";
    execlp(name.c_str(), name.c_str(), "-I", "-S", "-c", ask, static_cast<char*>(nullptr));
    _exit(127);
  }
  close(ends[1]);
  std::string answer;
  char buffer[4096];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;) answer.append(buffer, static_cast<size_t>(got));
  close(ends[0]);
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
    *problem = name + " does not run; give an interpreter with --python";
    return "";
  }
  const size_t first = answer.find(' ');
  const size_t second = answer.find(' ', first + 1);
  if (first == std::string::npos || second == std::string::npos || second + 1 == answer.size()) {
    *problem = name + " is not a CPython interpreter";
    return "";
  }
  const int major = atoi(answer.c_str());
  const int minor = atoi(answer.c_str() + first + 1);
  if (major != 3 || minor < 11) {
    *problem = name + " is Python " + std::to_string(major) + "." + std::to_string(minor) +
               "; the executor needs 3.11 or newer";
    return "";
  }
  return answer.substr(second + 1);
}

}  // namespace azr
