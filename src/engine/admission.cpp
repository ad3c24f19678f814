#include "engine/admission.hpp"

#include <random>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "engine/recovery.hpp"
#include "os/marker.hpp"
#include "os/process.hpp"
#include "store/store.hpp"

namespace cobatch {

namespace {

std::string make_nonce() {
  std::random_device random;
  std::string nonce;
  for (int i = 0; i < 4; ++i) nonce += fmt::format("{:08x}", random());
  return nonce;
}

}  // namespace

result<lock_view> clear_the_way(workspace& place, const guard& held, const engine_options& options,
                                std::stop_token stop, const std::function<void(const session_record&)>& on_recovered) {
  const auto record = held.read_record();
  if (!record) return fail(record.error());
  end_leftovers(*record);
  for (;;) {
    auto seen = look_at_lock(place.paths(), place.storage(), held);
    if (!seen) return seen;
    switch (next_engine_step(seen->facts)) {
      case engine_step::start:
      case engine_step::wait_marker:
        return seen;
      case engine_step::recover: {
        const auto settled = settle_dead_session(place, options, *seen->live, stop);
        if (!settled) return fail(settled.error());
        if (on_recovered) on_recovered(*settled);
        break;
      }
      case engine_step::remove_marker:
        if (auto removed = remove_marker(place.paths().marker, *seen->marker); !removed) return fail(removed.error());
        break;
      case engine_step::wait_guard:
      case engine_step::ask_again:
        return fail(errc::internal, "the guard is held here and looks held by another");
    }
  }
}

claim_request new_claim(const lock_view& seen, served_agents serves, std::optional<batch_id> only) {
  claim_request request;
  request.nonce = make_nonce();
  request.owner = identity_of_self();
  request.serves = std::move(serves);
  request.only = std::move(only);
  if (seen.record) request.above = seen.record->session;
  return request;
}

}  // namespace cobatch
