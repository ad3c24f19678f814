// Every turn that a filter matches, however many pages of the store they fill.
#pragma once

#include <iterator>
#include <vector>

#include <cobatch/store.hpp>

#include "store/store.hpp"

namespace cobatch {

[[nodiscard]] inline result<std::vector<turn_record>> all_turns(store& storage, turn_filter filter) {
  std::vector<turn_record> all;
  for (;;) {
    auto page = storage.list_turns(filter);
    if (!page) return fail(page.error());
    const bool last = page->size() < filter.limit;
    all.insert(all.end(), std::make_move_iterator(page->begin()), std::make_move_iterator(page->end()));
    if (last) return all;
    filter.after_session = all.back().session;
    filter.after_turn = all.back().turn;
  }
}

}  // namespace cobatch
