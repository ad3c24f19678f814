// The header-only core: records, rules and sums. Needs the standard library and tl::expected, and nothing linked.
#pragma once

#include <cobatch/core/batch.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/core/event.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/core/ledger.hpp>
#include <cobatch/core/lint.hpp>
#include <cobatch/core/lock.hpp>
#include <cobatch/core/model.hpp>
#include <cobatch/core/price.hpp>
#include <cobatch/core/savings.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/core/session_token.hpp>
#include <cobatch/core/task.hpp>
#include <cobatch/core/text.hpp>
#include <cobatch/core/time.hpp>
#include <cobatch/core/usage.hpp>
#include <cobatch/core/version.hpp>
