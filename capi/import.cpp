// Section 17: import.
#include <string>
#include <utility>

#include <cobatch/import.hpp>

#include "place.hpp"
#include "reply.hpp"
#include "text.hpp"

namespace cobatch::capi {
namespace {

verdict take_folder(cobatch_text given, std::string& own) {
  if (auto v = take_system_text(given, "folder", own); v.failed()) return v;
  if (own.empty()) return bad_value("folder is absent; give the path of the original's data/");
  return {};
}

void put_import(import_report&& report, cobatch_reply& reply) {
  reply.imported = report;
  reply.import_findings.put_all(std::move(report.findings));
}

}  // namespace
}  // namespace cobatch::capi

using namespace cobatch::capi;

cobatch_status cobatch_import(cobatch_workspace* workspace, cobatch_text folder, cobatch_reply** reply,
                              cobatch_error** err) {
  return ask_workspace(workspace, reply, err, [&](cobatch::workspace& here, cobatch_reply& filled) -> verdict {
    std::string path;
    if (auto v = take_folder(folder, path); v.failed()) return v;
    auto report = cobatch::import_original(here, path);
    if (!report) return report.error();
    put_import(std::move(*report), filled);
    return {};
  });
}

cobatch_status cobatch_preview_import(const cobatch_workspace_options* options, cobatch_text folder,
                                      cobatch_reply** reply, cobatch_error** err) {
  return look_without_workspace(reply, err, [&](cobatch_reply& filled) -> verdict {
    cobatch::workspace_options own;
    std::string path;
    if (auto v = take_workspace_options(options, own); v.failed()) return v;
    if (auto v = take_folder(folder, path); v.failed()) return v;
    auto report = cobatch::preview_import(own, path);
    if (!report) return report.error();
    put_import(std::move(*report), filled);
    return {};
  });
}
