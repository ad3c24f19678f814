// The names of the main types, for headers of yours that only pass them on.
#pragma once

#include <cstdint>

namespace cobatch {
inline namespace v1 {

// core/error.hpp, core/time.hpp
enum class errc : std::int32_t;
struct error;
struct warning;
struct timestamp;

// core/task.hpp, core/batch.hpp, core/session.hpp: what is stored
struct task_spec;
struct task_record;
struct result_record;
struct batch_record;
struct session_record;
struct turn_record;
struct settlement;

// core/usage.hpp, core/ledger.hpp, core/price.hpp, prices.hpp: figures
struct tokens;
struct usage;
struct ledger;
struct price;
class price_table;

// store.hpp, workspace.hpp
class store;
class workspace;
struct workspace_options;

// agent.hpp, engine.hpp, host_session.hpp, events.hpp: who does the work, and what is seen of it
class agent;
class agent_session;
struct engine_options;
class host_session;
struct event;
class event_feed;

}  // namespace v1
}  // namespace cobatch
