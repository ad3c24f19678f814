// The border of the C interface: statuses and errors, and the one guard around every exported function.
//
// A body returns a `verdict`; nothing it throws gets past `guarded`.
#pragma once

#include <cxxabi.h>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include <cobatch/core/error.hpp>

#include "cobatch.h"
#include "os/process.hpp"

namespace cobatch::capi {

/// How a call ended. Made from an `error`, or, for what only this interface can say, from a status.
struct verdict {
  cobatch_status status = COBATCH_OK;
  std::string message = {};

  verdict() = default;
  verdict(const error& e) : status(-static_cast<std::int32_t>(e.code)), message(e.message) {}
  verdict(cobatch_status s, std::string text) : status(s), message(std::move(text)) {}

  [[nodiscard]] bool failed() const noexcept { return status != COBATCH_OK; }
};

/// There is no more of what was asked for: a status, and no error.
[[nodiscard]] inline verdict the_end() { return {COBATCH_E_END, {}}; }
[[nodiscard]] inline verdict bad_value(std::string message) { return {COBATCH_E_BAD_VALUE, std::move(message)}; }
[[nodiscard]] inline verdict null_argument(const char* name) { return bad_value(std::string(name) + " is NULL"); }

/// Hands a status on, with an error if the caller wants one.
cobatch_status hand_over(const verdict& v, cobatch_error** err) noexcept;
cobatch_status hand_over(cobatch_status status, const char* message, cobatch_error** err) noexcept;

/// Runs the body of an exported function. A thread that is being cancelled goes on being cancelled.
template <class Body>
cobatch_status guarded(cobatch_error** err, Body&& body) {
  if (err != nullptr) *err = nullptr;
  try {
    const verdict v = std::forward<Body>(body)();
    return v.failed() ? hand_over(v, err) : COBATCH_OK;
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (const std::bad_alloc&) {
    return hand_over(COBATCH_E_NO_MEMORY, "there is not enough memory", err);
  } catch (const std::length_error&) {
    return hand_over(COBATCH_E_TOO_LARGE, "a text is larger than memory could hold; nothing was changed", err);
  } catch (const std::exception& e) {
    return hand_over(COBATCH_E_INTERNAL, e.what(), err);
  } catch (...) {
    return hand_over(COBATCH_E_INTERNAL, "an unknown exception was thrown", err);
  }
}

[[nodiscard]] inline verdict forked() {
  return {COBATCH_E_FORKED,
          "this handle was made by the parent process and does nothing in a forked child; start a new program, or fork "
          "before the workspace is opened"};
}

/// The body of a function on a handle, which has a `birthplace home`.
template <class Handle, class Body>
cobatch_status on_handle(Handle* handle, const char* name, cobatch_error** err, Body&& body) {
  return guarded(err, [&]() -> verdict {
    if (handle == nullptr) return null_argument(name);
    if (!handle->home.here()) return forked();
    return std::forward<Body>(body)();
  });
}

/// Frees a handle; in a forked child it is left alone. What a destructor throws ends here.
template <class Handle>
void free_handle(Handle* handle) noexcept {
  if (handle == nullptr || !handle->home.here()) return;
  delete handle;
}

/// Calls code of the host; what it throws is a failure as any other.
template <class Callback>
cobatch_status call_host(const Callback& callback) {
  try {
    return callback();
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (...) {
    return COBATCH_E_CALLBACK;
  }
}

/// Calls code of the host that has no answer.
template <class Callback>
void tell_host(const Callback& callback) {
  static_cast<void>(call_host([&]() -> cobatch_status {
    callback();
    return COBATCH_OK;
  }));
}

}  // namespace cobatch::capi
