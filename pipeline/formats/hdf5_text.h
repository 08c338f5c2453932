// Texts as HDF5 can hold them: UTF-8 without NUL. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace shardmill {

/// Quick for ASCII.
bool is_storable_text(std::string_view text);
/// The text if it is storable, else {"base64":"..."}, as in JSON.
std::string storable_text(std::string_view text);

}  // namespace shardmill
