// The guard's record as bytes: two slots in the guard's file, written in turn.
//
// A slot is, in the machine's byte order (the record never leaves its machine): magic, length of the payload, sequence
// number, inode and birth time of the guard's file, checksum (FNV-1a, 64 bits, over all the rest), payload. The whole
// slot with the higher sequence number is the latest; a write that a kill cut short spoils only the older one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "os/guard.hpp"

namespace cobatch {

/// Bytes of a slot; the second begins where the first ends.
inline constexpr std::size_t guard_slot_bytes = 8192;

/// What ties a record to its file: a copy of the file has another inode, or the same one and another birth time.
struct guard_file_mark {
  std::uint64_t inode = 0;
  std::int64_t birth_ns = 0;  ///< 0: the file system does not tell
  friend bool operator==(const guard_file_mark&, const guard_file_mark&) = default;
};

struct guard_slot {
  std::uint64_t sequence = 0;
  guard_file_mark file;
  guard_record record;
};

/// Nothing if the record does not fit.
[[nodiscard]] std::optional<std::string> to_slot_bytes(const guard_slot& slot);

/// Nothing if the bytes are not a whole slot.
[[nodiscard]] std::optional<guard_slot> from_slot_bytes(std::string_view bytes);

}  // namespace cobatch
