// A store without files, for tests.
#pragma once

#include <memory>
#include <utility>

#include <doctest/doctest.h>

#include "store/store.hpp"

namespace cobatch_test {

[[nodiscard]] inline std::unique_ptr<cobatch::store> make_memory_store(cobatch::clock_fn clock = cobatch::system_now) {
  auto opened = cobatch::store::open({.directory = ":memory:", .clock = std::move(clock)});
  REQUIRE(opened.has_value());
  return std::move(*opened);
}

}  // namespace cobatch_test
