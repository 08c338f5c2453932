#include "pipeline/formats/hdf5_text.h"

#include "pipeline/base/text.h"
#include "pipeline/formats/json_text.h"

namespace shardmill {

bool is_storable_text(std::string_view text) {
  return is_utf8(text) && text.find('\0') == std::string_view::npos;
}

std::string storable_text(std::string_view text) {
  if (is_storable_text(text)) return std::string(text);
  std::string out = "{\"base64\":\"";
  append_base64(out, text);
  return out + "\"}";
}

}  // namespace shardmill
