// Section 16: the doctor, who needs no workspace that is open.
#include <optional>
#include <utility>

#include <cobatch/doctor.hpp>

#include "place.hpp"
#include "reply.hpp"
#include "text.hpp"

using namespace cobatch::capi;

cobatch_status cobatch_diagnose(const cobatch_workspace_options* options, cobatch_text batch, cobatch_reply** reply,
                                cobatch_error** err) {
  return look_without_workspace(reply, err, [&](cobatch_reply& filled) -> verdict {
    cobatch::workspace_options own;
    std::optional<cobatch::batch_id> id;
    if (auto v = take_workspace_options(options, own); v.failed()) return v;
    if (auto v = take_id(batch, "batch", id); v.failed()) return v;
    filled.findings.put_all(cobatch::diagnose(own, id));
    return {};
  });
}

cobatch_status cobatch_diagnose_agents(const cobatch_workspace_options* options, cobatch_reply** reply,
                                       cobatch_error** err) {
  return look_without_workspace(reply, err, [&](cobatch_reply& filled) -> verdict {
    cobatch::workspace_options own;
    if (auto v = take_workspace_options(options, own); v.failed()) return v;
    filled.findings.put_all(cobatch::diagnose_agents(own));
    return {};
  });
}
