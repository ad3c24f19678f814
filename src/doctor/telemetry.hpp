// The tokens of a batch that ran: known for every task, loaded by the first one, and shared by the others.
#pragma once

#include <cobatch/store.hpp>

#include "doctor/findings.hpp"

namespace cobatch {
inline namespace v1 {

void check_telemetry(store& storage, const batch_record& batch, findings& out);

}  // namespace v1
}  // namespace cobatch
