// Feeds every level random shapes and hostile values: NaN, infinities, huge and subnormal numbers.
//
// Under the sanitizers a read outside the arrays ends the program: each array is a block of its own
// of exactly the size that the interface names. Without them it still holds each level against the
// scalar one. Usage: cdfi_fuzz [rounds] [seed]
#include <cstdlib>

#include "fuzz_values.h"

int main(int count, char **words) {
  const int rounds = count > 1 ? std::atoi(words[1]) : 300;
  fuzz::Random random(count > 2 ? unsigned(std::atoi(words[2])) : 0u);
  if (fuzz::run_all_halves()) return 1;
  for (int round = 0; round < rounds; ++round)
    if (fuzz::run_warp(random, round) || fuzz::run_half(random, round) ||
        fuzz::run_heads(random, round))
      return 1;
  std::printf("%d rounds, dispatch level %d\n", rounds, cdfi_native_dispatch());
  return 0;
}
