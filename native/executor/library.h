// What a program may import, in two sizes. Most programs need little, and what a fork costs grows with what its zygote has loaded: so
// there are zygotes with the common modules and zygotes with all of them. A child of the former that asks for more ends with a status
// of its own, before the program can notice, and its task is run again in one of the latter.
//
// Ownership: constants. Thread: any. Teardown: none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace azr {

enum class Library : int { kCommon = 0, kWhole = 1 };
inline constexpr int kLibraryCount = 2;

/** Exit status of a child that needs the whole library. What a program gains by forging it is a second run. */
inline constexpr int kOutgrownStatus = 77;

/** Names of the modules that a zygote loads, one space between them. */
std::string modules_of(Library library);

/**
 * Where to run a program first: kWhole when an import statement of it names a module that is not common, or an input has a value that needs
 * one. Looks at words only; a wrong guess costs time and changes nothing else.
 */
Library guess_library(std::string_view program, const std::vector<std::string>& inputs = {});

}  // namespace azr
