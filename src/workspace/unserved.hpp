// Batches that wait to run while no live engine takes them.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/error.hpp>

#include "os/presence.hpp"

namespace cobatch {

/// A warning `no_engine`, with what to do, for each of the first ten of them.
[[nodiscard]] std::vector<warning> unserved(std::span<const batch_record> batches,
                                            const std::vector<live_engine>& engines);

/// The same, with the engines that are alive in a state folder.
[[nodiscard]] std::vector<warning> unserved(std::span<const batch_record> batches, const std::filesystem::path& state);
[[nodiscard]] std::vector<warning> unserved(const batch_record& batch, const std::filesystem::path& state);

}  // namespace cobatch
