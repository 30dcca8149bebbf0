// Core files as systemd-coredump keeps them.
#pragma once

#include "base/file.h"
#include "base/status.h"

namespace unleak::capture {

// Unpacks to a file that has no name, in $TMPDIR (/var/tmp: a core is too large for a folder in memory); it is gone
// when the result is closed. Pages of zeros take no room. kCorrupt: no zstd, or cut short; kIo: no room.
Result<ByteSource> UnpackZstd(const ByteSource& packed);

}  // namespace unleak::capture
