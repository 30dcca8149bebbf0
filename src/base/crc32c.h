// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), as in iSCSI and ext4: crc32c of "123456789" is 0xe3069283.
#pragma once

#include "base/types.h"

namespace unleak {

// The checksum of `size` bytes; pass an earlier result as `crc` to continue it.
u32 Crc32c(const void* data, std::size_t size, u32 crc = 0);

}  // namespace unleak
