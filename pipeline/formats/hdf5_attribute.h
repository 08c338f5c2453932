// The values of attributes.
#pragma once

#include <string>
#include <vector>

#include "pipeline/formats/hdf5_description.h"
#include "pipeline/formats/hdf5_objects.h"
#include "pipeline/formats/hdf5_types.h"

namespace shardmill {

/// Adds the attribute's value under `name`: a number, a truth value, a text, or a list of them as
/// JSON; nothing if it holds none of these. kBadFile if the library cannot read it.
Status read_hdf5_attribute(const Handle& attribute, const std::string& name,
                           std::vector<Hdf5Attribute>& out);

/// Values in memory, 8 bytes each, as JSON.
void append_hdf5_list(std::string& out, Hdf5Memory kind, const char* values, size_t count);

}  // namespace shardmill
