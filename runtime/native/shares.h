// How the rows of a warp are shared out: the host brings its thread pool, or this library's threads do.
#pragma once

#include <cstdint>
#include <functional>

#include "cdfi_native.h"

namespace cdfi {

using Share = std::function<void(int64_t)>;
// Calls the share for 0 ... count - 1, in any order, on any threads, and returns when all are done.
using RunShares = std::function<void(int64_t count, const Share &)>;

// A thread for each share but the first, which is the caller's.
void run_on_threads(int64_t count, const Share &share);

// As cdfi_warp, in `args.threads` shares. Shares allocate and throw nothing.
int32_t warp(const cdfi_warp_args &args, const RunShares &run);

// The same for cdfi_heads_warp.
int32_t heads_warp(const cdfi_heads_args &args, const RunShares &run);

}  // namespace cdfi
