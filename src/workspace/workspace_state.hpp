// What a workspace holds.
#pragma once

#include <memory>

#include <cobatch/workspace.hpp>

#include "store/store.hpp"
#include "views/views.hpp"
#include "workspace/layout.hpp"

namespace cobatch {

struct workspace::state {
  workspace_options options;
  layout where;
  std::unique_ptr<store> storage;
  std::unique_ptr<view_writer> views;  // after storage: it goes first
};

}  // namespace cobatch
