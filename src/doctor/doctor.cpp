#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <cobatch/doctor.hpp>

#include "base/text.hpp"
#include "doctor/checks.hpp"
#include "os/programs.hpp"
#include "workspace/layout.hpp"

namespace cobatch {

findings::findings(const workspace_options& place) {
  if (place.root != ".") place_ += " --root " + shell_quoted(place.root.string());
  if (!place.state.empty()) place_ += " --state " + shell_quoted(place.state.string());
}

void findings::yes(std::string_view check, std::string message) { add(check, answer::yes, std::move(message), {}); }
void findings::no(std::string_view check, std::string message, std::string fix) {
  add(check, answer::no, std::move(message), std::move(fix));
}
void findings::unknown(std::string_view check, std::string message, std::string fix) {
  add(check, answer::unknown, std::move(message), std::move(fix));
}

std::string findings::command(std::string_view arguments) const {
  return fmt::format("cobatch {}{}", arguments, place_);
}

void findings::add(std::string_view check, answer is, std::string message, std::string fix) {
  found_.push_back({std::string(check), is, sentence(std::move(message)), std::move(fix)});
}

namespace {

void check_named_batch(store* storage, const batch_id& id, findings& out) {
  const std::string none = fmt::format("There is no batch \"{}\" here", id.str());
  if (storage == nullptr) return out.no("batch", none + ", nor a store that can be read.");
  const auto batch = storage->find_batch(id);
  if (!batch) return out.unknown("batch", batch.error());
  if (!*batch) return out.no("batch", none + ".", out.command("status"));
  check_batch(*storage, **batch, out);
}

void check_all(const workspace_paths& paths, const workspace_options& options, const std::optional<batch_id>& batch,
               findings& out) {
  const bool there = check_folders(paths, out);
  check_git(paths, out);
  const auto storage = there ? check_store(paths, options, out) : nullptr;
  const timestamp now = options.clock();
  if (storage) {
    check_clock(*storage, now, out);
    check_views(paths, *storage, out);
  }
  check_lock(paths, storage.get(), out);
  if (storage) check_queue(paths, *storage, now, out);
  if (batch) check_named_batch(storage.get(), *batch, out);
}

}  // namespace

std::vector<finding> v1::diagnose(const workspace_options& options, const std::optional<batch_id>& batch) {
  findings out(options);
  if (const auto paths = find_paths(options))
    check_all(*paths, options, batch, out);
  else
    out.no("root", paths.error().message);
  return std::move(out).take();
}

}  // namespace cobatch
