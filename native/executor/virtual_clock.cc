// Time as model-written programs see it: symbols put ahead of the C library's by preloading this shared object.
// Each reading advances one clock by a fixed tick, sleeping advances it at once, and the process id is a constant; so equal
// runs see equal values, and runs on another variant see others.
//
// Ownership: process-wide statics. Thread: the interpreter's only thread. Teardown: none.
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>

namespace {

constexpr int64_t kSecond = 1'000'000'000;

struct ClockOfVariant {
  int64_t epoch_seconds;
  int64_t boot_seconds;
  int64_t tick_nanoseconds;
  pid_t pid;
};

// Year, month, day, weekday, hour, minute and second all differ between any two rows; no tick is a whole number of microseconds.
constexpr ClockOfVariant kVariants[] = {
    {1'704'164'645, 5'000, 1'003, 4242},
    {1'743'778'997, 91'337, 3'011, 5683},
    {1'783'757'469, 777'141, 7'019, 6971},
    {1'819'919'383, 1'234'567, 13'037, 7919},
};

int64_t elapsed = 0;

const ClockOfVariant& variant() {
  static const ClockOfVariant* chosen = nullptr;
  if (chosen == nullptr) {
    const char* text = getenv("AZR_VARIANT");
    const int index = text != nullptr && text[0] >= '0' && text[0] <= '3' ? text[0] - '0' : 0;
    chosen = &kVariants[index];
  }
  return *chosen;
}

/** Read once, before the interpreter empties its environment. */
__attribute__((constructor)) void choose_variant() { variant(); }

int64_t advance() { return elapsed += variant().tick_nanoseconds; }

int64_t origin(clockid_t clock) {
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
      return variant().epoch_seconds * kSecond;
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
      return kSecond / 20;
    default:
      return variant().boot_seconds * kSecond;
  }
}

/** About sixty years: far beyond any honest sleep, and far from overflow with every origin added. */
constexpr int64_t kLongest = 2'000'000'000 * kSecond;

int sleep_until(int64_t nanoseconds) {
  if (nanoseconds > elapsed) elapsed = nanoseconds < kLongest ? nanoseconds : kLongest;
  return 0;
}

int64_t span(const timespec* request) {
  return request->tv_sec >= kLongest / kSecond ? kLongest : request->tv_sec * kSecond + request->tv_nsec;
}

}  // namespace

extern "C" {

#define AZR_PUBLIC __attribute__((visibility("default")))

AZR_PUBLIC int clock_gettime(clockid_t clock, timespec* out) noexcept {
  const int64_t now = origin(clock) + advance();
  out->tv_sec = now / kSecond;
  out->tv_nsec = now % kSecond;
  return 0;
}

AZR_PUBLIC int gettimeofday(timeval* out, void*) noexcept {
  const int64_t now = origin(CLOCK_REALTIME) + advance();
  out->tv_sec = now / kSecond;
  out->tv_usec = now % kSecond / 1000;
  return 0;
}

AZR_PUBLIC time_t time(time_t* out) noexcept {
  const time_t now = (origin(CLOCK_REALTIME) + advance()) / kSecond;
  if (out != nullptr) *out = now;
  return now;
}

AZR_PUBLIC clock_t clock() noexcept { return (origin(CLOCK_PROCESS_CPUTIME_ID) + advance()) / 1000; }

AZR_PUBLIC int clock_nanosleep(clockid_t clock, int flags, const timespec* request, timespec*) {
  const int64_t wanted = span(request);
  return sleep_until((flags & TIMER_ABSTIME) != 0 ? wanted - origin(clock) : elapsed + wanted);
}

AZR_PUBLIC int nanosleep(const timespec* request, timespec*) {
  return sleep_until(elapsed + span(request));
}

AZR_PUBLIC pid_t getpid() noexcept { return variant().pid; }

}  // extern "C"
