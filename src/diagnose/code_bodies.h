// Code objects whose source was not there to read, as the questions carry them (docs/questions.md, "bytecode").
#pragma once

#include "diagnose/names.h"

namespace unleak::diagnose {

// [{"file", "name", "qualname", "first_line", "instructions", "lines" (both in hexadecimal), "names", "locals",
// "fast"}], at most 8 MiB of bytes.
Json CodeBodies(const snapshot::Columns& columns);

}  // namespace unleak::diagnose
