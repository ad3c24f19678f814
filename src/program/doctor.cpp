// cobatch doctor: the guide's checklist, answered.
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/doctor.hpp>
#include <cobatch/prices.hpp>

#include "base/json.hpp"
#include "base/text.hpp"
#include "program/exit_codes.hpp"
#include "program/options.hpp"
#include "program/speak.hpp"
#include "program/terminal.hpp"

namespace cobatch::program {

namespace {

std::string mark_of(answer is, const palette& paint) {
  switch (is) {
    case answer::yes:
      return paint.good("ok");
    case answer::no:
      return paint.bad("!!");
    case answer::unknown:
      break;
  }
  return paint.note("??");
}

std::string verdict_on(const std::vector<finding>& found) {
  const auto count = [&](answer is) {
    return std::count_if(found.begin(), found.end(), [&](const finding& one) { return one.is == is; });
  };
  const auto wrong = count(answer::no);
  const auto unknown = count(answer::unknown);
  return fmt::format("{}{}.",
                     wrong == 0   ? "Nothing is wrong"
                     : wrong == 1 ? "1 thing is wrong"
                                  : fmt::format("{} things are wrong", wrong),
                     unknown == 0 ? "" : fmt::format("; {} cannot be told", unknown));
}

void print_findings(const std::vector<finding>& found) {
  const palette paint(STDOUT_FILENO);
  for (const auto& one : found) {
    print_line(fmt::format("{}  {}", mark_of(one.is, paint), one_line(one.message)));
    if (!one.fix.empty()) print_line("      " + one_line(one.fix));
  }
  print_line(paint.strong(verdict_on(found)));
}

void check_prices(const std::filesystem::path& file, std::vector<finding>& found) {
  const auto table = read_price_file(file);
  if (!table) return found.push_back({"prices", answer::no, sentence(table.error().message)});
  for (const auto& fault : table->faults()) found.push_back({"prices", answer::no, sentence(fault.what.message)});
  if (!table->faults().empty()) return;
  if (table->empty()) return found.push_back({"prices", answer::no, "The price file has no entry that can be used."});
  found.push_back({"prices", answer::yes, "Every entry of the price file can be used."});
}

json::object findings_json(const std::vector<finding>& found, bool well) {
  json::array list;
  for (const auto& one : found) {
    json::object entry{{"check", one.check}, {"answer", name_of(one.is)}, {"message", one.message}};
    if (!one.fix.empty()) entry.push_back({"fix", one.fix});
    list.emplace_back(std::move(entry));
  }
  return {{"status", well ? "success" : "error"}, {"message", verdict_on(found)}, {"findings", std::move(list)}};
}

}  // namespace

int run_doctor(const doctor_options& options) {
  const bool json = options.common.json;
  std::optional<batch_id> batch;
  if (!options.batch.empty()) {
    auto parsed = batch_id::parse(options.batch);
    if (!parsed) return fail_with(parsed.error(), json);
    batch = std::move(*parsed);
  }
  const workspace_options place{.root = options.common.root, .state = options.common.state};
  auto found = diagnose(place, batch);
  auto of_agents = diagnose_agents(place);
  found.insert(found.end(), std::make_move_iterator(of_agents.begin()), std::make_move_iterator(of_agents.end()));
  if (!options.prices.empty()) check_prices(options.prices, found);
  const bool well = std::none_of(found.begin(), found.end(), [](const finding& one) { return one.is == answer::no; });
  if (json)
    print_line(json::write(findings_json(found, well)));
  else
    print_findings(found);
  return well ? exit_success : exit_refused;
}

}  // namespace cobatch::program
