// Which instruction set level serves here.
#pragma once

#include <cstdint>

namespace cdfi {

// Whether this build and this processor have the level (enum cdfi_level).
bool has_level(int32_t level);

// The level to use for the one that is asked for; -1 if there is none.
int32_t chosen_level(int32_t asked);

}  // namespace cdfi
