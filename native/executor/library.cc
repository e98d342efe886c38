#include "library.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace azr {
namespace {

constexpr std::string_view kCommonModules[] = {
    "__future__", "abc",         "ast",       "bisect",       "builtins", "codecs",   "collections", "collections.abc",
    "contextlib", "copy",        "copyreg",   "encodings",    "enum",     "errno",    "functools",   "gc",
    "heapq",      "io",          "itertools", "json",         "keyword",  "math",     "numbers",     "operator",
    "os",         "posix",       "re",        "reprlib",      "string",   "sys",      "textwrap",    "time",
    "types",      "typing",      "warnings",  "weakref",      "encodings.ascii",      "encodings.latin_1",
    "encodings.utf_8",
};

constexpr std::string_view kFurtherModules[] = {
    "_strptime",  "_weakrefset", "array",      "base64",    "binascii",    "calendar",  "cmath",     "contextvars", "csv",
    "dataclasses", "datetime",   "decimal",    "difflib",   "encodings.cp1252",         "encodings.utf_16",
    "encodings.utf_32",          "encodings.hex_codec",     "encodings.rot_13",         "encodings.unicode_escape",
    "encodings.utf_16_le",       "encodings.utf_16_be",     "encodings.utf_32_le",      "encodings.utf_32_be",
    "encodings.utf_8_sig",       "encodings.utf_7",         "encodings.cp437",          "encodings.punycode",
    "encodings.raw_unicode_escape",                         "encodings.base64_codec",   "encodings.iso8859_15",
    "fractions",  "graphlib",    "hashlib",    "html",      "importlib",   "importlib.util",         "inspect",
    "linecache",  "locale",      "pprint",     "queue",     "random",      "secrets",   "statistics", "struct",
    "threading",  "timeit",      "traceback",  "unicodedata", "uuid",      "zlib",      "zoneinfo",
};

bool is_word(char letter) { return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_' || letter == '.'; }

bool is_common(std::string_view name) {
  return std::find(std::begin(kCommonModules), std::end(kCommonModules), name) != std::end(kCommonModules);
}

}  // namespace

std::string modules_of(Library library) {
  std::string out;
  for (const std::string_view name : kCommonModules) out.append(name).append(" ");
  if (library == Library::kWhole) {
    for (const std::string_view name : kFurtherModules) out.append(name).append(" ");
  }
  return out;
}

Library guess_library(std::string_view program, const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs) {
    if (input.find("Fraction(") != std::string::npos || input.find("Decimal(") != std::string::npos) return Library::kWhole;
  }
  // After `from`, one name; after `import`, names up to the end of the line, unless a `from` has already said where they are.
  enum class Expect { kNothing, kOne, kSeveral } expect = Expect::kNothing;
  bool from = false, renaming = false;
  for (size_t at = 0; at < program.size();) {
    if (!is_word(program[at])) {
      if (program[at] == '\n' || program[at] == ';') expect = Expect::kNothing, from = renaming = false;
      ++at;
      continue;
    }
    size_t end = at;
    while (end < program.size() && is_word(program[end])) ++end;
    const std::string_view word = program.substr(at, end - at);
    at = end;
    if (renaming || word == "as") {
      renaming = word == "as";
    } else if (expect != Expect::kNothing) {
      if (!is_common(word)) return Library::kWhole;
      if (expect == Expect::kOne) expect = Expect::kNothing;
    } else if (word == "from") {
      expect = Expect::kOne;
      from = true;
    } else if (word == "import" && !from) {
      expect = Expect::kSeveral;
    }
  }
  return Library::kCommon;
}

}  // namespace azr
