// What an agent, or a host, is asked in a turn: the task with its prompt, and the batch's preamble.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <cobatch/agent.hpp>
#include <cobatch/core/batch.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/store.hpp>

#include "engine/conversation.hpp"
namespace cobatch {

/// `talk`: what the agent's conversation holds already. `shared`: the preamble's text, if it is to stand in the prompt.
[[nodiscard]] turn_request make_turn_request(store& storage, const begin_outcome& begun, const conversation& talk,
                                             std::string shared);

/// The turn of the preamble.
[[nodiscard]] turn_request make_preamble_request(const begin_outcome& begun, std::string_view shared);

/// The text of a preamble with the content of its files, which are read now. Errors; each names the file and says what to do: io_error (it is not there or cannot be read),
/// unsafe_file (it leads out of the folder, or is no plain file), too_large, bad_encoding (no UTF-8).
[[nodiscard]] result<std::string> read_preamble(const preamble& shared, const std::filesystem::path& folder);
/// That of a batch in the store. Errors also: the store's.
[[nodiscard]] result<std::string> read_preamble_of(store& storage, const batch_id& batch,
                                                   const std::filesystem::path& folder);

}  // namespace cobatch
