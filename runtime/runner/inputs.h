// What a graph is fed.
#pragma once

#include "session.h"

namespace runner {

// Gives each input its shape and the values of its file. Throws Failure (kUsage): an input without
// a file or shape, a name that the graph lacks, a shape that it does not take, a file of another
// length, values that are not finite.
void feed_files(Session &session, const Options &options);

// Reads the files once more, into the same place.
void read_again(Session &session, const Options &options);

// For the reference: numbers in [-1, 1), the same ones each time.
void feed_noise(Session &session);

}  // namespace runner
