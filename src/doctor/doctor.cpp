#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <cobatch/doctor.hpp>

#include "doctor/checks.hpp"
#include "doctor/findings.hpp"
#include "workspace/layout.hpp"

namespace cobatch {

namespace {

void check_named_batch(store* storage, const batch_id& id, findings& out) {
  const std::string none = fmt::format("There is no batch \"{}\" here", id.str());
  if (storage == nullptr) return out.no("batch", none + ", nor a store that can be read.");
  const auto batch = storage->find_batch(id);
  if (!batch) return out.unknown("batch", batch.error().message + ".");
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
  if (storage) {
    check_engines(paths, out);
    check_queue(paths, *storage, now, out);
    check_batch_ids(*storage, now, out);
  }
  if (batch) check_named_batch(storage.get(), *batch, out);
}

}  // namespace

std::vector<finding> v1::diagnose(const workspace_options& options, const std::optional<batch_id>& batch) {
  findings out(options);
  if (const auto paths = find_paths(options))
    check_all(*paths, options, batch, out);
  else
    out.no("root", paths.error().message + ".");
  return std::move(out).take();
}

}  // namespace cobatch
