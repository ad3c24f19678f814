// Section 4: the workspace handle.
#include <memory>
#include <string>
#include <utility>

#include "layout.hpp"
#include "place.hpp"
#include "text.hpp"

namespace cobatch::capi {

void place::tell(const event& happened) noexcept {
  log.tell(happened);
  const std::lock_guard lock(mutex_);
  for (event_feed* feed : feeds_) try {
      feed->tell(happened);
    } catch (...) {
      // There was no memory for it; what is in the store is not lost with it.
    }
}

void place::add_feed(event_feed& feed) {
  const std::lock_guard lock(mutex_);
  feeds_.push_back(&feed);
}

void place::remove_feed(event_feed& feed) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase(feeds_, &feed);
}

verdict take_workspace_options(const cobatch_workspace_options* given, workspace_options& own) {
  cobatch_workspace_options c;
  if (auto v = take(given, "cobatch_workspace_options", c); v.failed()) return v;
  std::string root, state;
  if (auto v = take_system_text(c.root, "root", root); v.failed()) return v;
  if (auto v = take_system_text(c.state, "state", state); v.failed()) return v;
  if (!root.empty()) own.root = root;
  own.state = state;
  return take_count(c.max_tasks_per_session, "max_tasks_per_session", own.max_tasks_per_session);
}

}  // namespace cobatch::capi

using namespace cobatch::capi;

cobatch_status cobatch_open(const cobatch_workspace_options* options, cobatch_workspace** workspace,
                            cobatch_error** err) {
  if (workspace != nullptr) *workspace = nullptr;
  return guarded(err, [&]() -> verdict {
    if (workspace == nullptr) return null_argument("workspace");
    cobatch::workspace_options own;
    if (auto v = take_workspace_options(options, own); v.failed()) return v;
    auto opened = cobatch::workspace::open(own);
    if (!opened) return opened.error();
    *workspace = new cobatch_workspace{{}, std::make_shared<place>(std::move(*opened))};
    return {};
  });
}

void cobatch_close(cobatch_workspace* workspace) { free_handle(workspace); }

cobatch_text cobatch_root(const cobatch_workspace* workspace) {
  if (workspace == nullptr || !workspace->home.here()) return {"", 0};
  return lend(workspace->at->here.paths().root.native());
}

void cobatch_interrupt(cobatch_workspace* workspace) {
  if (workspace == nullptr || !workspace->home.here()) return;
  static_cast<void>(guarded(nullptr, [&]() -> verdict {
    workspace->at->blocked.interrupt();
    return {};
  }));
}

cobatch_status cobatch_set_log(cobatch_workspace* workspace, cobatch_log_fn log, void* user_data,
                               void (*destroy)(void* user_data), cobatch_error** err) {
  const auto status = on_handle(workspace, "workspace", err, [&]() -> verdict {
    workspace->at->log.set(log, user_data, destroy);
    return {};
  });
  if (status != COBATCH_OK && destroy != nullptr) tell_host([&] { destroy(user_data); });
  return status;
}
