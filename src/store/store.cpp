#include "store/store.hpp"

#include <utility>

#include "base/json.hpp"
#include "store/database.hpp"

namespace cobatch {

v1::store::store(std::unique_ptr<database> opened) : database_(std::move(opened)) {}

v1::store::~store() = default;

result<std::unique_ptr<v1::store>> v1::store::open(const store_options& options) {
  auto opened = database::open(options);
  if (!opened) return fail(opened.error());
  return std::unique_ptr<store>(new store(std::move(*opened)));
}

std::int64_t v1::store::version() { return database_->version(); }

std::int64_t v1::store::wait_for_change(std::int64_t seen, std::chrono::steady_clock::time_point deadline,
                                        std::stop_token stop) {
  return database_->wait_for_change(seen, deadline, std::move(stop));
}

task_tally transaction::tally() {
  auto q = db.query("SELECT queued, in_progress, done, error, cancelled FROM meta");
  if (!q.step()) throw damaged("the store's counters are missing");
  task_tally out;
  for (std::size_t i = 0; i < task_state_count; ++i)
    out.by_state[i] = q.get<std::int64_t>(static_cast<int>(i)) + counted_.by_state[i];
  return out;
}

std::int64_t transaction::change_counter() {
  auto q = db.query("SELECT change FROM meta");
  if (!q.step()) throw damaged("the store's counters are missing");
  return q.get<std::int64_t>(0);
}

std::optional<std::int64_t> transaction::finish() {
  if (writes_ == 0) return std::nullopt;
  const std::int64_t change = change_counter() + 1;  // RETURNING would cost more than both statements
  const auto& n = counted_.by_state;
  db.run(
      "UPDATE meta SET change = ?, queued = queued + ?, in_progress = in_progress + ?, done = done + ?,"
      " error = error + ?, cancelled = cancelled + ?",
      change, n[0], n[1], n[2], n[3], n[4]);
  return change;
}

std::string write_list(const std::vector<std::string>& list) {
  if (list.empty()) return {};
  std::string out = "[";
  for (const auto& text : list) {
    if (out.size() > 1) out += ',';
    json::append_string(out, text);
  }
  return out + ']';
}

std::vector<std::string> read_list(std::string_view text) {
  if (text.empty()) return {};
  const auto unread = [] { return damaged("a list in the store cannot be read"); };
  const auto parsed = json::parse(text);
  const json::array* list = parsed ? parsed->as_array() : nullptr;
  if (list == nullptr) throw unread();
  std::vector<std::string> out;
  out.reserve(list->size());
  for (const auto& one : *list) {
    if (one.as_string() == nullptr) throw unread();
    out.push_back(*one.as_string());
  }
  return out;
}

}  // namespace cobatch
