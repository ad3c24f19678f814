// What a workspace handle stands for, shared by all that is made from it.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include <cobatch/engine.hpp>
#include <cobatch/events.hpp>
#include <cobatch/workspace.hpp>

#include "boundary.hpp"
#include "interrupts.hpp"
#include "log.hpp"

namespace cobatch::capi {

struct place {
  explicit place(workspace w) : here(std::move(w)) {}

  workspace here;
  interrupts blocked;
  host_log log;

  /// What an engine of this handle says goes to its log and to every feed that is open.
  void tell(const event& happened) noexcept;
  void add_feed(event_feed& feed);
  void remove_feed(event_feed& feed) noexcept;

 private:
  std::mutex mutex_;
  std::vector<event_feed*> feeds_;
};

/// Takes what says where a workspace is; NULL: the current folder.
[[nodiscard]] verdict take_workspace_options(const cobatch_workspace_options* given, workspace_options& own);

}  // namespace cobatch::capi

struct cobatch_workspace {
  cobatch::birthplace home;
  std::shared_ptr<cobatch::capi::place> at;
};
