// The tokens of a batch that ran: known for every task, loaded by the first one, and shared by the others.
#pragma once

#include <cobatch/store.hpp>

#include "doctor/findings.hpp"
#include "store/store.hpp"

namespace cobatch {

void check_telemetry(store& storage, const batch_record& batch, findings& out);

}  // namespace cobatch
