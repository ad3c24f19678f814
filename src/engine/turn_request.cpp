#include "engine/turn_request.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>

#include "os/files.hpp"
#include "store/store.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view way_out = "The batch runs when that is mended; its tasks are still queued";

// Where the file really is, links followed.
result<fs::path> find_inside(const std::string& name, const fs::path& folder) {
  std::error_code failed;
  const fs::path top = fs::canonical(folder, failed);
  const fs::path file = failed ? fs::path() : fs::canonical(top / name, failed);
  if (failed)
    return fail(errc::io_error, fmt::format("the context file {} cannot be read in {}: {}. {}", name, folder.string(),
                                            failed.message(), way_out));
  const auto inside = fs::relative(file, top, failed);
  if (failed || inside.empty() || *inside.begin() == ".." || !fs::is_regular_file(file, failed))
    return fail(errc::unsafe_file,
                fmt::format("the context file {} is no plain file below {}. {}", name, folder.string(), way_out));
  return file;
}

result<std::string> read_context_file(const std::string& name, const fs::path& folder, std::size_t room) {
  const auto file = find_inside(name, folder);
  if (!file) return fail(file.error());
  auto text = read_file(*file, room);
  if (!text && text.error().code == errc::too_large)
    return fail(errc::too_large, fmt::format("with the context file {} the preamble is larger than {} MiB. {}", name,
                                             max_preamble_bytes >> 20, way_out));
  if (!text) return fail(text.error());
  if (!is_utf8(*text))
    return fail(errc::bad_encoding, fmt::format("the context file {} is not UTF-8 text. {}", name, way_out));
  return text;
}

// The results of what the task needs, as far as the conversation does not hold them.
std::vector<result_record> needed_results(store& storage, const task_spec& task, const conversation& talk) {
  std::vector<result_record> found;
  for (const auto& need : task.needs) {
    if (talk.holds(need)) continue;
    if (auto result = storage.find_result(need); result && *result) found.push_back(std::move(**result));
  }
  return found;
}

}  // namespace

turn_request make_turn_request(store& storage, const begin_outcome& begun, const conversation& talk,
                               std::string shared) {
  const task_record& task = begun.task;
  prompt_parts parts;
  parts.task = &task;
  parts.attempt = begun.turn.attempt;
  parts.previous = begun.previous ? &*begun.previous : nullptr;
  parts.goes_on = talk.goes_on_with(task.spec.id) && begun.turn.process_turn > 1;
  parts.shared = std::move(shared);
  parts.needed = needed_results(storage, task.spec, talk);
  if (const auto batch = storage.find_batch(task.batch); batch && *batch) parts.batch_total = (*batch)->tally.total();
  turn_request request;
  request.session = begun.turn.session;
  request.turn = begun.turn.turn;
  request.task = task.spec.id;
  request.batch = task.batch;
  request.position = task.position;
  request.description = task.spec.description;
  request.context = task.spec.context;
  request.attempt = begun.turn.attempt;
  request.prompt = make_prompt(parts);
  return request;
}

turn_request make_preamble_request(const begin_outcome& begun, std::string_view shared) {
  turn_request request;
  request.session = begun.turn.session;
  request.turn = begun.turn.turn;
  request.batch = begun.turn.batch;
  request.prompt = make_preamble_prompt(begun.turn.batch, shared);
  return request;
}

result<std::string> read_preamble(const preamble& shared, const fs::path& folder) {
  std::string all = shared.text;
  for (const auto& name : shared.files) {
    auto text = read_context_file(name, folder, max_preamble_bytes - std::min(all.size(), max_preamble_bytes));
    if (!text) return fail(text.error());
    all += fmt::format("{}File {}:\n\n{}\n", all.empty() ? "" : "\n\n", name, *text);
  }
  return all;
}

result<std::string> read_preamble_of(store& storage, const batch_id& batch, const fs::path& folder) {
  const auto shared = storage.find_preamble(batch);
  if (!shared) return fail(shared.error());
  return read_preamble(*shared, folder);
}

}  // namespace cobatch
