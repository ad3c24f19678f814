// Parameters as the records of the core: ids, words, numbers, each with its own check. What a task or a batch may hold
// at all is the workspace's to say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/core/task.hpp>

#include "api/params.hpp"

namespace cobatch {
namespace request {

/// Errors of all: bad_id, bad_encoding, bad_value; each says that nothing was changed.
[[nodiscard]] result<task_id> task_id_in(const arguments& params);
/// Nothing if it was not given.
[[nodiscard]] result<std::optional<batch_id>> batch_id_in(const arguments& params);
/// For actions that require one.
[[nodiscard]] result<batch_id> required_batch_id_in(const arguments& params);
/// `fallback` if it was not given.
[[nodiscard]] result<std::int64_t> number_in(const arguments& params, std::string_view name, std::int64_t from,
                                             std::int64_t to, std::int64_t fallback);
/// A name that must stand on one line (an agent, a person): at most 128 bytes, not empty if given.
[[nodiscard]] result<std::string> name_in(const arguments& params, std::string_view name);
/// One of a few words, as `parse` knows them; nothing if it was not given. `choice`: the words, for people.
template <class Word>
[[nodiscard]] result<std::optional<Word>> word_in(const arguments& params, std::string_view name,
                                                  std::optional<Word> (*parse)(std::string_view) noexcept,
                                                  std::string_view choice) {
  const std::string* given = params.text(name);
  if (given == nullptr) return std::optional<Word>();
  if (const auto known = parse(*given)) return known;
  return fail(errc::bad_value, fmt::format("{} is {}; it must be {}. Nothing was changed.", params.label(name),
                                           in_quotes(*given), choice));
}
/// A whole task. Errors beyond those: too_large.
[[nodiscard]] result<task_spec> task_spec_in(const arguments& params);
/// As JSON text; empty if it was not given.
[[nodiscard]] std::string context_in(const arguments& params);
[[nodiscard]] result<std::optional<priority>> priority_in(const arguments& params);
/// What is said of the batch beside its tasks; the model is left out, as a task may have one, too.
[[nodiscard]] result<batch_settings> settings_in(const arguments& params, unknown_members& unknown);
[[nodiscard]] preamble preamble_in(const arguments& params);

}  // namespace request
}  // namespace cobatch
