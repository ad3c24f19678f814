// What a workspace holds.
#pragma once

#include <memory>

#include <cobatch/workspace.hpp>

#include "run/layout.hpp"
#include "views/views.hpp"

namespace cobatch {
inline namespace v1 {

struct workspace::state {
  workspace_options options;
  layout where;
  std::unique_ptr<store> storage;
  std::unique_ptr<view_writer> views;  // after storage: it goes first
};

}  // namespace v1
}  // namespace cobatch
