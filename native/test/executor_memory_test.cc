// What makes forks cheap: the list of mappings and pages, the choice of the library, and the rehearsal that finds out which pages of
// program text a child needs. Whether a zygote that went through it still works is the TypeScript tests' business.
//
// Ownership: values. Thread: the test's. Teardown: mappings are given back.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "large_heap.h"
#include "library.h"
#include "page_map.h"
#include "page_tables.h"

namespace azr {
namespace {

const Mapping* find(const std::vector<Mapping>& mappings, const void* address) {
  for (const Mapping& mapping : mappings) {
    if (reinterpret_cast<uintptr_t>(address) >= mapping.start && reinterpret_cast<uintptr_t>(address) < mapping.end) return &mapping;
  }
  return nullptr;
}

TEST(PageMap, TellsWhatLiesBehindAPage) {
  const size_t page = page_bytes();
  char* const area = static_cast<char*>(mmap(nullptr, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(area, MAP_FAILED);
  mprotect(area + 2 * page, page, PROT_READ);
  area[page] = 1;
  const std::vector<Mapping> mappings = list_mappings();
  const Mapping* const found = find(mappings, area + page);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->protection, PROT_READ | PROT_WRITE);
  EXPECT_FALSE(found->file());
  EXPECT_FALSE(found->shared);
  const std::vector<PageEntry> entries = read_page_entries(*found);
  ASSERT_EQ(entries.size(), found->pages());
  const size_t at = (reinterpret_cast<uintptr_t>(area) - found->start) / page;
  EXPECT_FALSE(entries[at].present());
  EXPECT_TRUE(entries[at + 1].present());
  EXPECT_FALSE(entries[at + 1].of_file());
  EXPECT_EQ(find(mappings, area + 2 * page)->protection, PROT_READ);
  const Mapping* const text = find(mappings, reinterpret_cast<const void*>(&list_mappings));
  ASSERT_NE(text, nullptr);
  EXPECT_TRUE(is_constant_file(*text));
  munmap(area, 3 * page);
}

size_t text_pages_present() {
  size_t count = 0;
  for (const Mapping& mapping : list_mappings()) {
    if (!is_constant_file(mapping)) continue;
    for (const PageEntry& entry : read_page_entries(mapping)) count += entry.present() && entry.of_file() ? 1 : 0;
  }
  return count;
}

/** Runs `work` in a process of its own; its exit code, or -1 when it was killed. */
int in_child(int (*work)()) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(PageTables, KeepOnlyTheTextThatTheRehearsalUsed) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer's run-time reads text that the rehearsal has to watch; without it the test runs";
#endif
  EXPECT_EQ(in_child([] {
              inherit_page_tables();
              const size_t before = text_pages_present();
              keep_warm_pages([] {
                volatile size_t length = std::to_string(getpid()).size();
                (void)length;
              });
              const size_t after = text_pages_present();
              // And everything else still works: it comes from the file again.
              const std::string text = std::to_string(1.5) + std::to_string(before);
              return after > 0 && after < before && text.size() > 4 ? 0 : 1;
            }),
            0);
}

TEST(PageTables, KeepEverythingAfterARehearsalThatBreaks) {
  EXPECT_EQ(in_child([] {
              const size_t before = text_pages_present();
              keep_warm_pages([] { *reinterpret_cast<volatile int*>(16) = 1; });
              return text_pages_present() >= before ? 0 : 1;
            }),
            0);
}

#if defined(__aarch64__)
TEST(PageTables, LeaveCodeGuardedAgainstJumpsIntoItsMiddle) {
  const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  void* const guarded = mmap(nullptr, page_bytes(), PROT_READ | PROT_EXEC | PROT_BTI, MAP_PRIVATE, file, 0);
  void* const open_to_all = mmap(nullptr, page_bytes(), PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
  close(file);
  if (guarded == MAP_FAILED) GTEST_SKIP() << "this processor or kernel has no such guard";
  ASSERT_NE(open_to_all, MAP_FAILED);
  const auto protection_of = [](const void* address) {
    const std::vector<Mapping> mappings = list_mappings();
    const Mapping* const mapping = find(mappings, address);
    return mapping == nullptr ? -1 : mapping->protection;
  };
  EXPECT_EQ(protection_of(guarded), PROT_READ | PROT_EXEC | PROT_BTI);
  inherit_page_tables();
  EXPECT_EQ(protection_of(guarded), PROT_READ | PROT_EXEC | PROT_BTI);
  EXPECT_EQ(protection_of(open_to_all), PROT_READ | PROT_EXEC);
  munmap(guarded, page_bytes());
  munmap(open_to_all, page_bytes());
}
#endif

TEST(LargeHeap, KeepsWhatTheHeapHolds) {
  EXPECT_EQ(in_child([] {
              align_c_heap(3 * page_bytes());
              std::vector<std::string> texts;
              for (int i = 0; i < 20'000; ++i) texts.push_back(std::to_string(i) + std::string(64, 'x'));
              use_large_pages();
              for (int i = 0; i < 20'000; ++i) {
                if (texts[static_cast<size_t>(i)] != std::to_string(i) + std::string(64, 'x')) return 1;
              }
              texts.clear();
              return std::string(5'000'000, 'y').size() == 5'000'000 ? 0 : 2;
            }),
            0);
}

TEST(Library, IsGuessedFromImportStatements) {
  const struct {
    const char* program;
    Library library;
  } cases[] = {
      {"", Library::kCommon},
      {"def f(a):\n    return a", Library::kCommon},
      {"import math\ndef f(a): return math.pi", Library::kCommon},
      {"import math, re as r; import json\nx = 1", Library::kCommon},
      {"from typing import List, Dict\nfrom collections import Counter as C\n", Library::kCommon},
      {"import collections.abc", Library::kCommon},
      {"important = 'out of here'\nimporting = 2", Library::kCommon},
      // A wrong guess, which costs time and nothing else.
      {"text = 'back from there'", Library::kWhole},
      {"import hashlib", Library::kWhole},
      {"def f(a):\n    import datetime\n    return a", Library::kWhole},
      {"import math, random", Library::kWhole},
      {"from decimal import Decimal", Library::kWhole},
      {"from fractions import Fraction as F", Library::kWhole},
      {"import os.path", Library::kWhole},
      {"import nothing_of_the_kind", Library::kWhole},
      {"from\timport", Library::kWhole},
      {"import", Library::kCommon},
  };
  for (const auto& [program, library] : cases) EXPECT_EQ(guess_library(program), library) << program;
}

TEST(Library, WholeHoldsTheCommonOne) {
  const std::string common = modules_of(Library::kCommon), whole = modules_of(Library::kWhole);
  EXPECT_EQ(whole.substr(0, common.size()), common);
  EXPECT_NE(common.find(" math "), std::string::npos);
  EXPECT_EQ(common.find(" random "), std::string::npos);
  EXPECT_NE(whole.find(" random "), std::string::npos);
}

}  // namespace
}  // namespace azr
