// A turn that was begun, as it is put to an agent or a host.
#pragma once

#include <cobatch/agent.hpp>
#include <cobatch/store.hpp>

namespace cobatch {
inline namespace v1 {

[[nodiscard]] turn_request make_turn_request(store& storage, const begin_outcome& begun);

}  // namespace v1
}  // namespace cobatch
